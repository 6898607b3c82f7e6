//! The page in a real browser. `cargo xtask check browser` runs these; they are ignored where there is none.
//!
//! With `WAKEPROOF_SCREENSHOTS=DIR` each leaves what it saw there, as base64 of a PNG.
mod devtools;

use std::path::PathBuf;

use devtools::Page;

use super::tests::on_five;
use super::{html, of_one};
use crate::judge::testing::{Script, recording};
use crate::recording::Half;
use crate::render::picture::{Dot, Lane, LaneKind, Picture, Shape};
use crate::render::{Results, testing};

/// Results with pictures of a segment that is read, and of a control in which it is not.
fn results() -> Results {
    let read = Script::subject()
        .connection("conn", 5001)
        .segment("conn", 8)
        .callback("conn")
        .waking()
        .wait_reports("conn")
        .read("conn", 8)
        .run();
    let left = Script::control().connection("conn", 5001).segment("conn", 8).callback("conn").run();
    let mut results = testing::failing();
    let verdict = &results.verdicts[0];
    let pictures = crate::render::picture::pictures(&recording([read, left]), verdict);
    assert_eq!(pictures.len(), 2);
    let exhibit = results.exhibits.get_mut(&verdict.case).expect("an exhibit");
    exhibit.pictures = pictures;
    results
}

/// A picture of this many events.
fn crowd(events: usize) -> Picture {
    let lane = |kind, name: &str| Lane { kind, name: name.to_owned() };
    let shapes = [Shape::Write, Shape::Segment, Shape::Callback, Shape::Wake, Shape::Report, Shape::Read];
    let lanes = [(LaneKind::Client, "client"), (LaneKind::Socket, "socket"), (LaneKind::Eventpoll, "eventpoll")];
    let dot = |place: usize| Dot {
        at: i64::try_from(place * 700 + place % 7 * 40).expect("a time"),
        lane: place % 6 / 2,
        shape: shapes[place % 6],
        label: place % 6,
        fields: 6,
        stack: None,
    };
    Picture {
        half: Half::Subject,
        point: [].into(),
        lanes: lanes.into_iter().map(|(kind, name)| lane(kind, name)).collect(),
        texts: ["sends", "segment", "callback", "woken", "epoll_wait", "read", "an event\nnumber: 1"]
            .map(str::to_owned)
            .into(),
        stacks: Vec::new(),
        dots: (0..events).map(dot).collect(),
        spans: Vec::new(),
        ways: (0..events / 6).map(|way| (way * 6 + 1..way * 6 + 6).collect()).collect(),
        marks: Vec::new(),
        counts: Vec::new(),
        story: Vec::new(),
        left_out: 0,
    }
}

struct Shown {
    page: Page,
    name: &'static str,
    _folder: tempfile::TempDir,
}

impl Shown {
    fn new(name: &'static str, results: &Results, scheme: &str, width: u32) -> Self {
        Self::page(name, &of_one(results), scheme, width)
    }

    /// The page of several kernels, with everything unfolded.
    fn of_several(name: &'static str, scheme: &str, width: u32) -> Self {
        let results = results();
        let page = html(&on_five(&results), std::slice::from_ref(&results));
        let mut shown = Self::page(name, &page, scheme, width);
        shown.ask("{ for (const fold of document.querySelectorAll('details')) fold.open = true; scrollTo(0, 0); }");
        shown
    }

    fn page(name: &'static str, text: &str, scheme: &str, width: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report.html");
        std::fs::write(&file, text).expect("a file");
        let mut page = Page::open();
        page.size(width, 900);
        page.scheme(scheme);
        page.go(&file);
        // Timelines are drawn when they come near.
        page.evaluate(&format!(
            "document.querySelector('.timeline').scrollIntoView(), {UNTIL}(() => document.querySelector('.timeline svg g'))"
        ));
        Self { page, name, _folder: folder }
    }

    fn ask(&mut self, expression: &str) -> serde_json::Value {
        self.page.evaluate(expression)
    }
}

/// A function that waits, frame by frame, until something holds.
const UNTIL: &str =
    "(holds => new Promise(done => { const look = () => holds() ? done() : requestAnimationFrame(look); look(); }))";

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(folder) = std::env::var_os("WAKEPROOF_SCREENSHOTS") {
            let file = PathBuf::from(folder).join(format!("{}.png.base64", self.name));
            std::fs::write(file, self.page.picture()).expect("a screenshot");
        }
        assert!(self.page.errors.is_empty(), "{:?}", self.page.errors);
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask check browser"]
fn it_loads_without_errors_in_both_colour_schemes() {
    for (name, scheme) in [("light", "light"), ("dark", "dark")] {
        let mut shown = Shown::new(name, &results(), scheme, 1400);
        assert_eq!(shown.ask("document.querySelectorAll('.timeline svg g').length > 0"), true);
        assert_eq!(shown.ask("performance.getEntriesByType('resource').length"), 0, "it loads nothing");
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask check browser"]
fn on_a_phone_nothing_scrolls_sideways() {
    let one = Shown::new("phone", &results(), "light", 390);
    for mut shown in [one, Shown::of_several("phone-several", "light", 390)] {
        assert_eq!(shown.ask("innerWidth"), 390);
        assert_eq!(shown.ask("document.documentElement.scrollWidth"), 390);
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask check browser"]
fn a_segment_is_followed_with_the_keyboard() {
    let mut shown = Shown::new("keyboard", &results(), "light", 1400);
    shown.ask("document.querySelector('.timeline svg').focus()");
    let mut told = Vec::new();
    for _ in 0..5 {
        shown.page.press("ArrowDown");
        told.push(
            shown
                .ask("document.querySelector('.timeline .says b').textContent")
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    assert_eq!(told, ["segment, 8 bytes", "ep_poll_callback", "woken", "epoll_wait: 1 ready", "read: 8 bytes"]);
    shown.page.press("ArrowLeft");
    assert_eq!(shown.ask("document.querySelector('.timeline .says b').textContent"), "epoll_wait: 1 ready");
    let before = shown.ask("timelines[0].zoom").as_f64();
    shown.page.press("+");
    assert!(shown.ask("timelines[0].zoom").as_f64() > before, "plus zooms in");
    shown.page.press("Escape");
    assert_eq!(shown.ask("timelines[0].selected"), -1);
}

#[test]
#[ignore = "needs a browser: cargo xtask check browser"]
fn the_filter_leaves_what_it_names() {
    let mut shown = Shown::new("filter", &results(), "light", 1400);
    let rows = "[...document.querySelectorAll('.matrix tr[data-words]')].filter(row => !row.hidden).length";
    let all = shown.ask(rows).as_u64();
    shown.ask("{ const filter = document.getElementById('filter'); filter.value = 'FD_SETSIZE'; filter.dispatchEvent(new Event('input')); }");
    assert!(shown.ask(rows).as_u64() < all);
    assert!(shown.ask(rows).as_u64() > Some(0));
    assert_eq!(shown.ask("[...document.querySelectorAll('article')].filter(article => !article.hidden).length"), 1);
}

#[test]
#[ignore = "needs a browser: cargo xtask check browser"]
fn five_thousand_events_are_drawn_between_two_frames() {
    let mut results = results();
    let case = results.verdicts[0].case.clone();
    results.exhibits.get_mut(&case).expect("an exhibit").pictures = vec![crowd(5000)];
    let mut shown = Shown::new("crowd", &results, "light", 1400);
    assert_eq!(shown.ask("timelines[0].dots.length"), 5000);
    // The best of some frames is what the page costs; the others are what else the machine does.
    let drawing = "{ const line = timelines[0], all = []; line.zoom = line.fit;
        for (let i = 0; i < 12; i++) { const from = performance.now(); line.draw(); all.push(performance.now() - from); }
        Math.min(...all) }";
    let millis = shown.ask(drawing).as_f64().expect("a time");
    assert!(millis < 33.0, "everything at once takes {millis} ms");
}

#[test]
#[ignore = "needs a browser: cargo xtask check browser"]
fn text_stands_out_from_its_ground() {
    let one = [("contrast-light", "light"), ("contrast-dark", "dark")];
    let several = [("contrast-several-light", "light"), ("contrast-several-dark", "dark")];
    let one = one.map(|(name, scheme)| Shown::new(name, &results(), scheme, 1400));
    for mut shown in one.into_iter().chain(several.map(|(name, scheme)| Shown::of_several(name, scheme, 1400))) {
        let weak = shown.ask(CONTRAST);
        assert_eq!(weak.as_array().map(Vec::len), Some(0), "{}: contrast below 4.5 (WCAG 2, AA): {weak}", shown.name);
    }
}

/// Texts whose contrast to what lies behind them is too weak.
const CONTRAST: &str = "(() => {
    const parts = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * x + .7152 * y + .0722 * z; };
    const behind = at => { for (; at; at = at.parentElement) { const c = parts(getComputedStyle(at).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
    const weak = new Set();
    for (const at of document.querySelectorAll('body *')) {
        if (![...at.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()) || ['SCRIPT', 'STYLE', 'TITLE', 'title'].includes(at.tagName)) continue;
        const style = getComputedStyle(at), ink = parts(at instanceof SVGElement ? style.fill : style.color), ground = behind(at);
        const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
        if (ratio < 4.5) weak.add(`${at.tagName}.${at.className.baseVal ?? at.className}: ${ratio.toFixed(2)} (${at.textContent.slice(0, 30)})`);
    }
    return [...weak];
})()";
