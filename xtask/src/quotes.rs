//! `cargo xtask quotes`: whether every quote of every case stands in its document, and where.
//!
//! The documents are not part of the checkout. What is kept of them is `harness/src/catalogue/order.json`: headings, and
//! for each quote the number of letters before it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::{
    process::{self, GREEN, RED, paint, say},
    suite,
    workspace::Workspace,
};

mod order;
mod text;

use order::Order;
use text::Text;

/// What to check, and what to write.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder with both documents, 000_*.txt and 004_*.txt [default: `$WAKEPROOF_SOURCES`, else ../shared/sources]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Write where the quotes stand to harness/src/catalogue/order.json
    #[arg(long)]
    write: bool,
    /// List the claims that no case decides yet
    #[arg(long)]
    missing: bool,
}

/// A quote, as `wakeproof claims --format json` has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    /// The document's letter.
    pub source: String,
    /// The heading that the case file gives.
    pub given_section: Option<String>,
    /// The words.
    pub quote: String,
    /// The claim.
    pub id: String,
    /// The case's file.
    pub file: String,
    /// The line of the quote in it.
    pub line: usize,
}

/// The documents, with the beginnings of their files' names.
const DOCUMENTS: [(&str, &str); 2] = [("A", "000_"), ("B", "004_")];

/// Checks the quotes.
pub fn main(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    let Some(folder) = args.folder.clone().or_else(|| folder(&workspace)) else {
        bail!("no folder with the documents; name one, or set WAKEPROOF_SOURCES");
    };
    let texts = read(&folder)?;
    let rows = rows(&workspace)?;
    let (order, mut wrong) = check(&texts, &rows);
    for complaint in &wrong {
        say!("{complaint}\n");
    }
    let path = workspace.root().join("harness/src/catalogue/order.json");
    if args.write {
        fs::write(&path, order.json()).with_context(|| format!("failed to write {}", path.display()))?;
    } else if fs::read_to_string(&path).unwrap_or_default() != order.json() {
        wrong.push(String::new());
        say!("{} is out of date; to renew it: cargo xtask quotes --write\n", path.display());
    }
    let unknown = coverage(&workspace, &rows, args.missing)?;
    let quotes = rows.len();
    if wrong.is_empty() && unknown == 0 {
        say!("{} {quotes} quotes stand in the documents", paint("pass", GREEN));
        return Ok(ExitCode::SUCCESS);
    }
    say!("{} {} of {quotes} quotes checked", paint("FAIL", RED), wrong.len() + unknown);
    Ok(ExitCode::FAILURE)
}

/// Where the documents are, if they are there.
pub fn folder(workspace: &Workspace) -> Option<PathBuf> {
    let named = env::var_os("WAKEPROOF_SOURCES").map(PathBuf::from);
    named.or_else(|| Some(workspace.root().parent()?.join("shared/sources"))).filter(|folder| folder.is_dir())
}

/// The documents, by their letter.
fn read(folder: &Path) -> Result<BTreeMap<&'static str, Text>> {
    let mut texts = BTreeMap::new();
    for (letter, prefix) in DOCUMENTS {
        let entries = fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
        let mut files = entries.flatten().map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(prefix) && path.extension().is_some_and(|extension| extension == "txt")
        });
        let Some(file) = files.next() else {
            bail!("document {letter} is not in {}: expected {prefix}*.txt", folder.display());
        };
        let text = fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
        texts.insert(letter, Text::new(&text));
    }
    Ok(texts)
}

/// Every quote of every case.
fn rows(workspace: &Workspace) -> Result<Vec<Row>> {
    // With the eBPF object if there is one, so that it is the program that the suite is run with.
    let object = workspace.ebpf_object();
    let wakeproof = suite::build_wakeproof(workspace, object.is_file().then_some(object.as_path()))?;
    let mut command = Command::new(wakeproof);
    command
        .current_dir(workspace.root())
        .args(["claims", "--cases", "cases", "--format", "json"])
        .stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("failed to start `{}`", process::spell(&command)))?;
    ensure!(output.status.success(), "`{}` failed ({})", process::spell(&command), output.status);
    serde_json::from_slice(&output.stdout).context("failed to read the claims")
}

/// Where the quotes stand, and what is wrong with those that do not.
fn check(texts: &BTreeMap<&str, Text>, rows: &[Row]) -> (Order, Vec<String>) {
    let mut order = Order::default();
    for (letter, text) in texts {
        order.headings((*letter).to_owned(), text);
    }
    // A claim's quotes keep the order of the case file.
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by_key(|row| (&row.id, &row.source, row.line));
    let mut wrong = Vec::new();
    for row in sorted {
        let place = texts.get(row.source.as_str()).map(|text| find(text, row));
        match place {
            Some(Ok(at)) => order.quote(&row.source, &row.id, at),
            Some(Err(why)) => {
                order.quote(&row.source, &row.id, usize::MAX);
                wrong.push(format!("{}:{}: {}: {why}", row.file, row.line, row.id));
            }
            None => wrong.push(format!("{}:{}: there is no document {}", row.file, row.line, row.source)),
        }
    }
    (order, wrong)
}

/// Where one quote stands.
fn find(text: &Text, row: &Row) -> Result<usize, String> {
    let within = match &row.given_section {
        None => 0..usize::MAX,
        Some(section) => text.section(section).ok_or_else(|| {
            format!("document {} has no heading “{section}”\n  its headings: {}", row.source, text.names())
        })?,
    };
    if let Some(at) = text.find(&row.quote, &within) {
        return Ok(at);
    }
    if let Some(at) = text.find(&row.quote, &(0..usize::MAX)) {
        let other = text.heading(at).unwrap_or("the beginning");
        return Err(format!("“{}” stands under “{other}”", row.quote));
    }
    let near = text.nearest(&row.quote).map_or_else(String::new, |near| format!("\n  nearest: “{near}”"));
    Err(format!("“{}” does not stand in document {}{near}", row.quote, row.source))
}

/// Says how many claims have a case; the number of those that nobody knows.
fn coverage(workspace: &Workspace, rows: &[Row], list: bool) -> Result<usize> {
    let path = workspace.root().join("harness/src/catalogue/ids.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let decided: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let known: Vec<Vec<&str>> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect()).collect();
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in &known {
        if let [id, _, group] = line.as_slice()
            && !decided.contains(id)
        {
            missing.entry(group).or_default().push(id);
        }
    }
    let without: usize = missing.values().map(Vec::len).sum();
    say!("{} of {} claims have a case or are errata", known.len() - without, known.len());
    for (group, ids) in &missing {
        if list {
            say!("  {group} ({}): {}", ids.len(), ids.join(", "));
        } else {
            say!("  {group}: {} without", ids.len());
        }
    }
    let unknown: Vec<_> = decided.iter().filter(|id| !known.iter().any(|line| line.first() == Some(id))).collect();
    for id in &unknown {
        say!("{id} is not in {}", path.display());
    }
    Ok(unknown.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(quote: &str, section: Option<&str>) -> Row {
        Row {
            source: "A".to_owned(),
            given_section: section.map(str::to_owned),
            quote: quote.to_owned(),
            id: "a.b".to_owned(),
            file: "cases/a.yaml".to_owned(),
            line: 7,
        }
    }

    #[test]
    fn a_quote_is_looked_for_under_its_heading() {
        let text = Text::new("## 一\n甲乙丙\n## 二\n丁戊甲乙\n");
        assert_eq!(find(&text, &row("甲乙", None)), Ok(3));
        assert_eq!(find(&text, &row("甲乙", Some("二"))), Ok(11));
        assert!(find(&text, &row("丙", Some("二"))).is_err_and(|why| why.contains("under “一”")));
        assert!(find(&text, &row("丙", Some("三"))).is_err_and(|why| why.contains("its headings: 一, 二")));
    }

    #[test]
    fn a_quote_that_is_not_there_is_shown_with_its_line_and_the_nearest_words() {
        let texts = BTreeMap::from([("A", Text::new("## 一\n进程会阻塞在读写函数那里,程序就没办法\n"))]);
        let (_, wrong) = check(&texts, &[row("进程会睡在读写函数那里", None)]);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("cases/a.yaml:7: a.b: "), "{}", wrong[0]);
        assert!(wrong[0].contains("阻塞在读写函数那里"), "{}", wrong[0]);
    }
}
