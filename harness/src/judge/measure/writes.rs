//! Writes of a watched word.
use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::{Gap, Reader, SHOWN};
use crate::case::Writes;
use crate::judge::value::Reading;
use crate::matching::{Matcher, Scene, passes, writer};
use crate::recording::{Event, Named, RunHead};

/// Writes as `{by, stack, target, empty}`.
pub(super) struct Written {
    watch: u16,
    through: Vec<String>,
    /// Names by the ports or the descriptor of the list's last item.
    names: HashMap<(u16, u16, i64), String>,
    writes: Vec<Json>,
    first: Vec<usize>,
}

impl Written {
    pub(super) fn new(measure: &Writes, run: &RunHead) -> Result<Self, Gap> {
        let watch = run.watches.iter().position(|name| *name == measure.to).and_then(|place| u16::try_from(place).ok());
        let watch = watch.ok_or_else(|| Gap::Wrong(format!("nothing called `{}` was watched", measure.to)))?;
        Ok(Self { watch, through: measure.through.clone(), names: names(run), writes: Vec::new(), first: Vec::new() })
    }

    fn target(&self, event: &Event) -> &str {
        let by_ports = self.names.get(&(event.local, event.remote, 0));
        by_ports.or_else(|| self.names.get(&(0, 0, event.value))).map_or("", String::as_str)
    }
}

fn names(run: &RunHead) -> HashMap<(u16, u16, i64), String> {
    let mut names = HashMap::new();
    for (name, all) in &run.names {
        for (place, named) in all.iter().enumerate() {
            let label = if all.len() == 1 { name.clone() } else { format!("{name}[{place}]") };
            match *named {
                Named::Connection { client, server } => {
                    names.insert((server, client, 0), label);
                }
                Named::Descriptor { fd, local, remote } => {
                    if local != 0 {
                        names.insert((local, remote, 0), label.clone());
                    }
                    names.insert((0, 0, fd.into()), label);
                }
            }
        }
    }
    names
}

impl Reader for Written {
    fn read(&mut self, place: usize, event: &Event, _: &Matcher, scene: Scene<'_>) {
        let stack = scene.stack(event);
        if event.call != self.watch || !passes(stack, &self.through) {
            return;
        }
        let empty = event.detail == 1;
        let target = if empty { "" } else { self.target(event) };
        self.writes.push(json!({"by": writer(stack), "stack": stack, "target": target, "empty": empty}));
        if self.first.len() < SHOWN {
            self.first.push(place);
        }
    }

    fn finish(self: Box<Self>) -> (Reading, Vec<usize>) {
        (self.writes.into(), self.first)
    }
}
