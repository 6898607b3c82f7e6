//! Everything that there is to say about a claim, or about all claims of a case: what `wakeproof explain` shows.
use std::collections::{BTreeMap, BTreeSet};

use cel::Program;
use serde::Serialize;

use super::history::{History, history};
use super::seen::{Seen, seen};
use super::words::{self, Line};
use super::{Catalogue, Entry};
use crate::case::{ClaimVerdict, Grade, Measure, Source, Value};
use crate::load::LoadedCase;
use crate::recording::Half;

/// One page.
#[derive(Clone, Debug, Serialize)]
pub struct Page<'a> {
    /// The claims that it is about.
    pub claims: Vec<ClaimPart<'a>>,
    /// What runs have found of the case as a whole, where its claims do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
    /// How they are decided.
    pub experiment: Experiment<'a>,
}

/// One claim.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimPart<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where the documents say it.
    pub quotes: Vec<Quoted<'a>>,
    /// The sentence, made falsifiable.
    pub says: &'a str,
    /// What the run must find.
    pub verdict: ClaimVerdict,
    /// What is true instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<&'a str>,
    /// The sentences as predicates.
    pub predicates: Vec<Predicate<'a>>,
    /// What the run does not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<&'a str>,
    /// What runs have found.
    pub seen: Vec<Seen>,
    /// How that changes from kernel to kernel; none where results of fewer than two are at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// A case as a whole: one that makes no claim, or that came out as none of its claims shows.
#[derive(Clone, Debug, Serialize)]
pub struct Whole {
    /// What runs have found; nothing if it makes claims, which have that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Seen>,
    /// How that changes from kernel to kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// A quotation and its place.
#[derive(Clone, Debug, Serialize)]
pub struct Quoted<'a> {
    /// The document.
    pub source: Source,
    /// The heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<&'a str>,
    /// The words.
    pub text: &'a str,
}

/// A predicate and what it stands for.
#[derive(Clone, Debug, Serialize)]
pub struct Predicate<'a> {
    /// What it is: the sentence as it stands, or as it is true.
    pub role: &'static str,
    /// The predicate.
    pub text: &'a str,
}

/// How claims are decided.
#[derive(Clone, Debug, Serialize)]
pub struct Experiment<'a> {
    /// The case's id.
    pub case: &'a str,
    /// Its finding.
    pub title: &'a str,
    /// The weakest evidence that can decide anything.
    pub grade: Grade,
    /// The server under test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Parameters and their values.
    pub parameters: BTreeMap<String, String>,
    /// Whether it runs once for each of several values.
    pub swept: Vec<&'a str>,
    /// Who is connected to whom.
    pub wiring: &'a str,
    /// What happens.
    pub steps: Vec<Line>,
    /// What is read off the recording: the name and what it stands for.
    pub measures: Vec<(String, String)>,
    /// What must hold besides the claims.
    pub expectations: Vec<(&'a str, &'a str)>,
    /// The other half.
    pub control: ControlPart<'a>,
    /// The kernel source that it rests on.
    pub kernel: Vec<&'a str>,
    /// Where it is known to come out otherwise: the condition and the reason.
    pub differs: Vec<(&'a str, &'a str)>,
}

/// The half that must come out otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct ControlPart<'a> {
    /// What is different, as a sentence.
    pub title: &'a str,
    /// What is different, each thing.
    pub changes: Vec<String>,
    /// The other steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Line>,
    /// What must not come out as in the case itself.
    pub must_fail: Vec<&'a str>,
}

impl<'a> Catalogue<'a> {
    /// The page of one claim.
    pub fn page(&self, entry: Entry<'a>) -> Page<'a> {
        self.page_of(entry.case, vec![entry], false)
    }

    /// The page of a case, with all its claims.
    pub fn case_page(&self, case: &'a LoadedCase) -> Page<'a> {
        self.page_of(case, self.of_case(case), true)
    }

    fn page_of(&self, case: &'a LoadedCase, entries: Vec<Entry<'a>>, whole: bool) -> Page<'a> {
        let claims: Vec<_> = entries.into_iter().map(|entry| self.part(entry)).collect();
        let about = if whole { self.whole(case, claims.is_empty()) } else { None };
        let mut experiment = experiment(case);
        if !whole {
            let used = used(case, claims.iter().flat_map(|claim| &claim.predicates).map(|predicate| predicate.text));
            experiment.measures.retain(|(name, _)| used.contains(name));
            experiment.expectations.clear();
        }
        Page { claims, whole: about, experiment }
    }

    /// What there is to say of a case as a whole, if there is.
    fn whole(&self, case: &LoadedCase, alone: bool) -> Option<Whole> {
        let seen = if alone { seen(&self.parts, case, None) } else { Vec::new() };
        let history = history(&self.parts, case, None);
        (!seen.is_empty() || history.is_some()).then_some(Whole { seen, history })
    }

    fn part(&self, entry: Entry<'a>) -> ClaimPart<'a> {
        let claim = entry.claim;
        let quotes = [Source::A, Source::B].into_iter().flat_map(|source| {
            let passage = entry.passage(source);
            let section = passage.as_ref().and_then(|passage| passage.section);
            let quotes = passage.map(|passage| passage.quotes).unwrap_or_default();
            quotes.into_iter().map(move |quote| Quoted {
                source,
                section: entry.section(quote).or(section),
                text: &quote.text,
            })
        });
        let predicate = |role, text: &'a Option<String>| text.as_deref().map(|text| Predicate { role, text });
        let literal = predicate("the sentence as it stands", &claim.literal);
        let repaired = predicate("what is true", &claim.repaired);
        ClaimPart {
            id: &claim.id,
            quotes: quotes.collect(),
            says: &claim.says,
            verdict: claim.verdict,
            truth: claim.truth.as_deref(),
            predicates: literal.into_iter().chain(repaired).collect(),
            limits: claim.limits.as_deref(),
            seen: seen(&self.parts, entry.case, Some(claim)),
            history: history(&self.parts, entry.case, Some(claim)),
        }
    }
}

fn experiment(case: &LoadedCase) -> Experiment<'_> {
    let raw = case.case();
    let (subject, names) = words::with_names(case, Half::Subject);
    let put = |lines: Vec<Line>| lines.into_iter().map(|line| names.put(line)).collect::<Vec<_>>();
    let measures =
        subject.measure.iter().map(|(name, measure)| (name.clone(), names.put_text(words::measure(measure)))).collect();
    Experiment {
        case: &case.id,
        title: &raw.title,
        grade: raw.grade,
        server: subject.server.as_ref().map(|server| server_of(case, names.put_text(words::server(server)))),
        parameters: words::parameters(case),
        swept: raw.sweep.keys().map(String::as_str).collect(),
        wiring: raw.wiring.trim_end(),
        steps: put(words::steps(&subject.steps)),
        measures,
        expectations: raw.expect.iter().map(|(name, predicate)| (name.as_str(), predicate.as_str())).collect(),
        control: control(case),
        kernel: raw.kernel.iter().map(String::as_str).collect(),
        differs: raw.differs.iter().map(|difference| (difference.when.as_str(), difference.because.as_str())).collect(),
    }
}

/// The server; where the model is swept it is the first of several.
fn server_of(case: &LoadedCase, server: String) -> String {
    let models = case.case().sweep.values().flatten().filter_map(|value| match value {
        Value::Text(text) => Some(text),
        Value::Int(_) => None,
    });
    let several = models.filter(|model| server.contains(&format!("`{model}`"))).count() > 0;
    if several { format!("one for each value below; first {server}") } else { server }
}

fn control(case: &LoadedCase) -> ControlPart<'_> {
    let raw = &case.case().control;
    let (control, names) = words::with_names(case, Half::Control);
    let mut changes = Vec::new();
    for (name, value) in &raw.with {
        let before =
            words::parameters(case).remove(name).map_or_else(String::new, |before| format!(" instead of {before}"));
        changes.push(format!("{name} = {}{before}", words::value(value)));
    }
    if let (Some(_), Some(server)) = (&raw.server, &control.server) {
        changes.push(format!("the server is {}", names.put_text(words::server(server))));
    }
    let steps = if raw.steps.is_some() {
        words::steps(&control.steps).into_iter().map(|line| names.put(line)).collect()
    } else {
        Vec::new()
    };
    ControlPart { title: &raw.title, changes, steps, must_fail: raw.must_fail.iter().map(String::as_str).collect() }
}

/// The measures that predicates ask for, directly or through a fit.
fn used<'a>(case: &LoadedCase, predicates: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for predicate in predicates {
        if let Ok(program) = Program::compile(predicate) {
            used.extend(program.references().variables().into_iter().map(str::to_owned));
        }
    }
    for (name, measure) in &case.case().measure {
        if let Measure::Fit(fit) = measure
            && used.contains(name)
        {
            used.insert(fit.of.clone());
        }
    }
    used
}
