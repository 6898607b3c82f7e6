//! Events as a table: comma-separated values as RFC 4180 has them, one line for each event.
use super::super::picture::Picture;
use super::super::screen::bare;
use crate::recording::Half;

const HEAD: &str = "case,half,time_ns,lane,what,event,fields,stack\r\n";

/// All pictures, one after the other.
pub fn csv<'a>(pictures: impl IntoIterator<Item = (&'a str, &'a Picture)>) -> String {
    let mut out = HEAD.to_owned();
    for (case, picture) in pictures {
        let half = if picture.half == Half::Subject { "subject" } else { "control" };
        for dot in &picture.dots {
            let (event, fields) =
                picture.texts[dot.fields].split_once('\n').unwrap_or((&picture.texts[dot.fields], ""));
            let stack = dot.stack.map_or_else(String::new, |stack| picture.stacks[stack].join(" < "));
            let shape = serde_json::to_value(dot.shape).map_or_else(|_| String::new(), |shape| bare(&shape));
            let time = dot.at.to_string();
            let fields = fields.replace('\n', "; ");
            let cells = [case, half, &time, &picture.lanes[dot.lane].name, &shape, event, &fields, &stack];
            out.push_str(&cells.map(quoted).join(","));
            out.push_str("\r\n");
        }
    }
    out
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
