//! Texts as they are compared: the documents, the quotes and what a reader types or pastes are written differently.
use unicode_normalization::UnicodeNormalization;

/// The text without what makes no difference: compatibility forms (NFKC), letter case, white space and quotation marks.
pub(super) fn fold(text: &str) -> String {
    let folded = text.nfkc().map(radical).filter(|c| !c.is_whitespace() && !is_mark(*c));
    folded.flat_map(char::to_lowercase).collect()
}

/// As [`fold`], with the spaces between words kept, for searching by words.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(fold).filter(|word| !word.is_empty()).collect()
}

/// The CJK Radicals Supplement has no compatibility mappings. These are the ones that PDF readers put into document A.
fn radical(c: char) -> char {
    match c {
        '⻄' => '西',
        '⻆' => '角',
        '⻉' => '贝',
        '⻓' => '长',
        other => other,
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | '「' | '」' | '`' | '\u{200b}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radicals_and_wide_forms_are_the_letters_they_look_like() {
        // U+2F64, U+2EC9 and a wide comma, as a PDF reader copies them
        assert_eq!(fold("调⽤ read，\n拷⻉"), fold("调用read,拷贝"));
    }

    #[test]
    fn letter_case_and_quotation_marks_make_no_difference() {
        assert_eq!(fold("「EAGAIN」 “或” EWOULDBLOCK"), "eagain或ewouldblock");
        assert_eq!(words("Ready  List"), ["ready", "list"]);
    }
}
