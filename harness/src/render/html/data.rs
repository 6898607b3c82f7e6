//! Pictures as JSON in the page. Kernel stacks are alike in many pictures, so the page has each once.
use indexmap::IndexSet;
use serde_json::json;

use super::super::picture::{Dot, Picture};

/// What the pictures of a page share.
#[derive(Default)]
pub(super) struct Shared {
    frames: IndexSet<String>,
    stacks: IndexSet<Vec<usize>>,
}

impl Shared {
    /// A picture's JSON, its stacks replaced by places in the page's.
    pub(super) fn picture(&mut self, picture: &Picture) -> String {
        let places: Vec<usize> = picture.stacks.iter().map(|stack| self.stack(stack)).collect();
        let dot = |dot: &Dot| Dot { stack: dot.stack.and_then(|place| places.get(place).copied()), ..*dot };
        let lanes: Vec<_> = picture.lanes.iter().map(|lane| (lane.kind, &lane.name)).collect();
        let value = json!({
            "lanes": lanes,
            "texts": picture.texts,
            "dots": picture.dots.iter().map(dot).collect::<Vec<_>>(),
            "spans": picture.spans,
            "ways": picture.ways,
            "marks": picture.marks,
            "counts": picture.counts,
        });
        script(&value)
    }

    fn stack(&mut self, stack: &[String]) -> usize {
        let frames = stack.iter().map(|frame| self.frames.insert_full(frame.clone()).0).collect();
        self.stacks.insert_full(frames).0
    }

    pub(super) fn frames(&self) -> String {
        script(&json!(self.frames))
    }

    pub(super) fn stacks(&self) -> String {
        script(&json!(self.stacks))
    }
}

/// JSON that may stand in a `script` element: nothing in it ends the element.
fn script(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_the_script() {
        let text = script(&json!(["</script><script>alert(1)</script>"]));
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON")[0], "</script><script>alert(1)</script>");
    }
}
