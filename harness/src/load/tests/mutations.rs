//! No text whatsoever makes loading panic.
use super::{RIGHT, load};

/// A small generator of numbers: the same ones in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 1).unwrap_or(0) % below.max(1)
    }
}

/// Shows what is wrong, which must not panic either.
fn try_load(text: &str) {
    if let Err(wrong) = load("epoll/example", text) {
        assert!(!wrong.to_string().is_empty());
    }
}

#[test]
fn a_case_cut_short_anywhere_never_panics() {
    for (end, _) in RIGHT.char_indices().step_by(7) {
        try_load(&RIGHT[..end]);
    }
}

#[test]
fn a_case_with_changed_characters_never_panics() {
    let signs: Vec<char> = "{}[]:,-#&*!|>'\"%@`$ \t\n\r\u{0}0aé用.?<=()\\~".chars().collect();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for _ in 0..400 {
        let mut text: Vec<char> = RIGHT.chars().collect();
        for _ in 0..=numbers.next(4) {
            let place = numbers.next(text.len());
            let sign = signs[numbers.next(signs.len())];
            match numbers.next(3) {
                0 => text[place] = sign,
                1 => text.insert(place, sign),
                _ => _ = text.remove(place),
            }
        }
        try_load(&text.into_iter().collect::<String>());
    }
}

#[test]
fn a_case_with_changed_lines_never_panics() {
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    for _ in 0..200 {
        let mut lines: Vec<&str> = RIGHT.lines().collect();
        for _ in 0..=numbers.next(3) {
            let (one, other) = (numbers.next(lines.len()), numbers.next(lines.len()));
            match numbers.next(3) {
                0 => lines.swap(one, other),
                1 => lines.insert(one, lines[other]),
                _ => _ = lines.remove(one),
            }
        }
        try_load(&lines.join("\n"));
    }
}

#[test]
fn aliases_inside_themselves_and_too_many_of_them_are_refused() {
    try_load("a: &a [*a]");
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        bomb.extend([format!("a{level}: &a{level} [{before}]\n")]);
    }
    assert!(load("epoll/bomb", &bomb).is_err());
    assert!(load("epoll/deep", &"[".repeat(5000)).is_err());
}
