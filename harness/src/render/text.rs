//! Measuring and breaking text for a terminal, and numbers as people read them.
use anstream::adapter::strip_str;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes, colours not counted.
pub(crate) fn columns(text: &str) -> usize {
    strip_str(text).to_string().width()
}

/// The text, filled up with spaces on the right.
pub(crate) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The text, filled up with spaces on the left.
pub(crate) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Breaks a plain text into lines of at most `width` columns, between words where it can; a word that is too long, and
/// scripts without spaces, break anywhere.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_inclusive(' ') {
            let bare = word.trim_end_matches(' ').width();
            if used > 0 && used + bare > width {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                used = 0;
            }
            for letter in word.chars() {
                let columns = letter.width().unwrap_or(0);
                if used > 0 && used + columns > width {
                    if letter == ' ' {
                        continue;
                    }
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(letter);
                used += columns;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// `first` followed by the text, broken at `width`, later lines indented below the beginning of the text.
pub(crate) fn hang(first: &str, text: &str, width: usize) -> String {
    let indent = columns(first);
    let lines = wrap(text, width.saturating_sub(indent));
    let mut out = first.to_owned();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(line);
    }
    out.push('\n');
    out
}

/// A number with thin groups of three: `12 345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A duration as people read it.
pub(crate) fn duration(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1000),
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_count_twice_and_break_anywhere() {
        assert_eq!(wrap("苏醒一次，即使进程", 8), ["苏醒一次", "，即使进", "程"]);
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("ep_poll_callback x", 8), ["ep_poll_", "callback", "x"]);
    }

    #[test]
    fn colours_take_no_room() {
        assert_eq!(left("\u{1b}[31mab\u{1b}[0m", 4), "\u{1b}[31mab\u{1b}[0m  ");
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([grouped(7), grouped(1234), grouped(1_234_567)], ["7", "1 234", "1 234 567"]);
    }
}
