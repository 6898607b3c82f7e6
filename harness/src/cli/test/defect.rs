//! `--defect`: a deliberate mistake in the cases' servers, which the suite must find.
use std::io::Write;

use clap::ValueEnum;
use wakeproof_servers::Defect;

use super::{Args, Format, bad_input};
use crate::load::{LoadedCase, nearest};
use crate::plan::{Fit, fit};

/// What the option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// Name all there are.
    List,
    /// Put this one in.
    Make(Defect),
}

/// Reads `MODEL:DEFECT`, or the defect's name alone, which implies its model.
pub(super) fn parse(word: &str) -> Result<Mistake, String> {
    if word == "list" {
        return Ok(Mistake::List);
    }
    let (model, name) = word.split_once(':').map_or((None, word), |(model, name)| (Some(model), name));
    let Ok(defect) = Defect::from_str(name, false) else {
        let names: Vec<String> = Defect::all().iter().map(ToString::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let meant = nearest(name, &names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        return Err(format!("there is no defect `{name}`{meant} (`--defect list` names them all)"));
    };
    match model.filter(|model| *model != defect.model().to_string()) {
        Some(model) => Err(format!("`{defect}` is a mistake of the server `{}`, not of `{model}`", defect.model())),
        None => Ok(Mistake::Make(defect)),
    }
}

/// Lists the defects: for people, or as JSON for programs.
pub(super) fn list(format: Format) -> anyhow::Result<()> {
    let mut out = anstream::stdout();
    let rows = Defect::all().iter().map(|&defect| (defect, describe(defect)));
    if format == Format::Json {
        let rows: Vec<_> = rows
            .map(|(defect, mistake)| serde_json::json!({"model": defect.model(), "defect": defect, "mistake": mistake}))
            .collect();
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)?;
    } else {
        for (defect, mistake) in rows {
            writeln!(out, "{:<32} {mistake}", format!("{}:{defect}", defect.model()))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// The mistake as a sentence without the model, which stands before it.
fn describe(defect: Defect) -> String {
    let value = defect.to_possible_value();
    let help = value.as_ref().and_then(|value| value.get_help()).map(ToString::to_string).unwrap_or_default();
    help.split_once(": ").map_or(help.clone(), |(_, mistake)| mistake.to_owned())
}

/// The cases whose own server can make the mistake.
pub(super) fn select(cases: Vec<LoadedCase>, defect: Defect, args: &Args) -> anyhow::Result<Vec<LoadedCase>> {
    let cases: Vec<_> = cases.into_iter().filter(|case| fit(case, defect) != Fit::Elsewhere).collect();
    if cases.is_empty() && !args.protocol.speaks_libtest() {
        let model = defect.model();
        return Err(bad_input(format!(
            "none of the selected cases has a server `{model}` that could make this mistake"
        )));
    }
    Ok(cases)
}

/// Why the mistake cannot be put into a case.
pub(super) fn conflict(case: &LoadedCase, defect: Defect) -> Option<String> {
    match fit(case, defect) {
        Fit::Fits => None,
        Fit::Elsewhere => Some(format!("the case has no server `{}`", defect.model())),
        Fit::Conflicts(why) => Some(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_implies_its_model() {
        assert_eq!(parse("not-reaped"), Ok(Mistake::Make(Defect::NotReaped)));
        assert_eq!(parse("fork:not-reaped"), Ok(Mistake::Make(Defect::NotReaped)));
        assert_eq!(parse("list"), Ok(Mistake::List));
    }

    #[test]
    fn a_wrong_name_is_told_with_the_nearest_one() {
        assert!(parse("not-raeped").is_err_and(|why| why.contains("`not-reaped`")));
        assert!(parse("poll:not-reaped").is_err_and(|why| why.contains("server `fork`, not of `poll`")));
    }

    #[test]
    fn every_defect_says_what_it_does() {
        for &defect in Defect::all() {
            assert!(describe(defect).len() > 20, "{defect}");
        }
    }
}
