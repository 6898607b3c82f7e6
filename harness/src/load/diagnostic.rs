//! What is wrong with a case file, shown at the place where it is wrong.
use std::fmt;

use super::tree::Place;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// What is wrong, in a few words.
    pub message: String,
    /// What was expected there, or what was found.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Something wrong at a place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), label: String::new(), help: None }
    }

    /// Says beside the caret what was expected.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers the known name nearest to a wrong one; without one, lists what there is.
    #[must_use]
    pub fn nearest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match super::nearest(wrong, &known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known here: {}", list(&known))),
        }
    }
}

/// Names as a sentence has them: `a`, `b` and `c`.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Everything that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file's path, as it is shown.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// What is wrong with it, in the order of the file.
    pub found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts by place and shows each only once, though every point of a sweep may have found it.
    pub(super) fn new(file: &str, text: &str, mut found: Vec<Diagnostic>) -> Self {
        let mut kept: Vec<Diagnostic> = Vec::new();
        found.sort_by_key(|diagnostic| diagnostic.place);
        for diagnostic in found {
            if !kept.contains(&diagnostic) {
                kept.push(diagnostic);
            }
        }
        Self { file: file.to_owned(), text: text.to_owned(), found: kept }
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.found.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            self.show(diagnostic, f)?;
        }
        Ok(())
    }
}

impl Diagnostics {
    fn show(&self, diagnostic: &Diagnostic, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, width } = diagnostic.place;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "error: {}\n{margin}--> {}:{line}:{column}", diagnostic.message, self.file)?;
        if let Some(source) = self.text.lines().nth(line.saturating_sub(1)) {
            let before: String = source.chars().take(column.saturating_sub(1)).map(blank).collect();
            let left = source.chars().count().saturating_sub(column.saturating_sub(1));
            let under: String =
                source.chars().skip(column.saturating_sub(1)).take(width.min(left)).map(caret).collect();
            let under = if under.is_empty() { "^".to_owned() } else { under };
            write!(f, "\n{margin} |\n{number} | {}\n{margin} | {before}{under}", source.trim_end())?;
            if !diagnostic.label.is_empty() {
                write!(f, " {}", diagnostic.label)?;
            }
        } else if !diagnostic.label.is_empty() {
            write!(f, "\n{margin} | {}", diagnostic.label)?;
        }
        if let Some(help) = &diagnostic.help {
            write!(f, "\n{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// As wide on a terminal as the character above it.
fn blank(above: char) -> char {
    match above {
        '\t' => '\t',
        wide if is_wide(wide) => '\u{3000}',
        _ => ' ',
    }
}

fn caret(above: char) -> &'static str {
    if is_wide(above) { "^^" } else { "^" }
}

/// The scripts of East Asia take two columns.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}')
}
