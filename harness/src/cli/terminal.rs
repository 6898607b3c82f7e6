//! What the terminal can show.
use std::env;

use anstream::ColorChoice;

use super::test::Color;
use crate::render::screen::Look;

/// Columns when nobody says.
const WIDTH: usize = 100;

/// How a screen on standard output is to look.
pub(super) fn look() -> Look {
    let from_env = || env::var("COLUMNS").ok()?.parse().ok();
    let from_terminal =
        terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)).filter(|&width| width > 0);
    Look { width: from_terminal.or_else(from_env).unwrap_or(WIDTH), utf8: utf8(), skips: false }
}

/// Whether the locale says UTF-8: the first of these that is set decides.
fn utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Sets when colours are written, for the whole process.
pub(super) fn colors(color: Color) {
    match color {
        Color::Auto => {}
        Color::Always => ColorChoice::Always.write_global(),
        Color::Never => ColorChoice::Never.write_global(),
    }
}
