//! A document as it is compared: compatibility forms folded, white space removed, headings known.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

/// Letters around the nearest words that are shown.
const AROUND: usize = 6;

/// A document.
#[derive(Debug)]
pub struct Text {
    letters: Vec<char>,
    headings: Vec<(usize, String)>,
}

/// What makes no difference is left out.
fn fold(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().filter(|c| !c.is_whitespace()).map(|c| match c {
        // Radicals without a compatibility mapping, which document A has in place of letters.
        '⻄' => '西',
        '⻆' => '角',
        '⻉' => '贝',
        '⻓' => '长',
        other => other,
    })
}

impl Text {
    /// Reads a document.
    pub fn new(text: &str) -> Self {
        let (mut letters, mut headings) = (Vec::new(), Vec::new());
        let mut above = "";
        for line in text.lines() {
            // What a document begins with is its first heading, marked or not.
            let first = Some(line.trim()).filter(|line| headings.is_empty() && !line.is_empty() && *line != "[TOC]");
            if let Some(heading) = heading(line, above).or(first.map(|line| line.nfkc().collect())) {
                headings.push((letters.len(), heading));
            }
            letters.extend(fold(line));
            above = line;
        }
        Self { letters, headings }
    }

    /// Headings with their places.
    pub fn headings(&self) -> &[(usize, String)] {
        &self.headings
    }

    /// Their names.
    pub fn names(&self) -> String {
        self.headings.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The heading above a place.
    pub fn heading(&self, at: usize) -> Option<&str> {
        self.headings.iter().rev().find(|(place, _)| *place <= at).map(|(_, name)| name.as_str())
    }

    /// From this heading to the next.
    pub fn section(&self, name: &str) -> Option<Range<usize>> {
        let same = |one: &str| fold(one).eq(fold(name));
        let index = self.headings.iter().position(|(_, heading)| same(heading))?;
        let end = self.headings.get(index + 1).map_or(usize::MAX, |(next, _)| *next);
        Some(self.headings[index].0..end)
    }

    /// Where these words begin, inside of the range.
    pub fn find(&self, words: &str, within: &Range<usize>) -> Option<usize> {
        let words: Vec<char> = fold(words).collect();
        if words.is_empty() {
            return None;
        }
        let mut places = self.letters.windows(words.len()).enumerate();
        places.find(|(at, here)| within.contains(at) && *here == words.as_slice()).map(|(at, _)| at)
    }

    /// The words of the document that have the longest piece in common with these.
    pub fn nearest(&self, words: &str) -> Option<String> {
        let words: Vec<char> = fold(words).collect();
        (2..=words.len()).rev().find_map(|length| {
            words.windows(length).enumerate().find_map(|(before, piece)| {
                let at = self.letters.windows(length).position(|here| here == piece)?;
                let from = at.saturating_sub(before + AROUND);
                let to = (at + words.len() - before + AROUND).min(self.letters.len());
                Some(self.letters[from..to].iter().collect())
            })
        })
    }
}

/// The heading that a line is: one with sharps, or a name alone below an empty line, such as `select/poll`.
fn heading(line: &str, above: &str) -> Option<String> {
    let folded: String = line.nfkc().collect();
    let marked = folded.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim());
    let is_name = |c: char| c.is_ascii_lowercase() || c == '/';
    let bare =
        Some(folded.trim()).filter(|name| above.trim().is_empty() && name.len() > 2 && name.chars().all(is_name));
    marked.or(bare).filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_over_line_ends_and_in_other_forms() {
        let text = Text::new("通过调⽤\nread() 函数，拷⻉");
        assert_eq!(text.find("调用read()函数,拷贝", &(0..usize::MAX)), Some(2));
        assert_eq!(text.find("", &(0..usize::MAX)), None);
    }

    #[test]
    fn headings_are_marked_or_stand_alone() {
        let text = Text::new("## 一\n甲\n\nselect/poll\n乙\n###2.1 二\n丙\nepoll\n");
        assert_eq!(text.names(), "一, select/poll, 2.1 二");
    }
}
