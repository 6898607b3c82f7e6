//! The names in measures, expectations, the control and known differences.
use super::table::{FILES, Kind, MEMORY, RESULTS};
use super::{Params, Walk};
use crate::case::fields::EPOLL;
use crate::case::{Case, EventName, Field, FieldType, Filter, Measure, Packets, event_fields};
use crate::load::params::is_name;

impl Walk<'_> {
    pub(super) fn measures(&mut self, case: &Case, params: &Params) {
        for (name, measure) in &case.measure {
            self.within("measure", |walk| {
                walk.within(name.as_str(), |walk| {
                    walk.variable(name, params);
                    walk.measure(measure, case, params);
                });
            });
        }
    }

    /// Measures, results and parameters are all variables of predicates.
    fn variable(&mut self, name: &str, params: &Params) {
        if !is_name(name) {
            self.wrong(
                format!("`{name}` is no name for a measure"),
                "expected small letters, digits and `_`, a letter first",
            );
        }
        if params.names().any(|other| other == name) {
            self.wrong(format!("`{name}` is already a parameter"), "choose another name for the measure");
        }
        if self.names.of(RESULTS).iter().any(|other| other.0 == name) {
            self.wrong(format!("`{name}` is already a result"), "choose another name for the measure");
        }
    }

    fn measure(&mut self, measure: &Measure, case: &Case, params: &Params) {
        match measure {
            Measure::Count(count) => {
                self.within("count", |walk| walk.only(count.of, &count.only));
            }
            Measure::List(list) => self.within("list", |walk| {
                walk.only(list.of, &list.only);
                walk.take(list.of, &list.take);
            }),
            Measure::Chain(chain) => self.within("chain", |walk| {
                walk.refer("on", &chain.on, FILES);
                walk.marks(chain.from.as_ref(), chain.until.as_ref());
                if chain.of.len() < 2 {
                    walk.within("of", |walk| {
                        walk.wrong("a chain has at least two links", "expected the events in order");
                    });
                }
            }),
            Measure::Calls(calls) => self.within("calls", |walk| {
                walk.by(calls.by.as_ref(), &["inside"]);
                if let Some(on) = &calls.on {
                    walk.refer("on", on, FILES);
                }
                walk.marks(calls.from.as_ref(), calls.until.as_ref());
            }),
            Measure::Faults(faults) => self.within("faults", |walk| {
                walk.refer("inside", &faults.inside, MEMORY);
                walk.marks(faults.from.as_ref(), faults.until.as_ref());
            }),
            Measure::Packets(packets) => self.within("packets", |walk| walk.packets(packets)),
            Measure::Writes(writes) => self.within("writes", |walk| {
                walk.refer("to", &writes.to, &[Kind::Watch]);
                walk.marks(writes.from.as_ref(), writes.until.as_ref());
            }),
            Measure::Fit(fit) => self.within("fit", |walk| {
                walk.within("of", |walk| walk.fitted(&fit.of, case));
                walk.within("over", |walk| {
                    if !params.swept().any(|name| name == fit.over) {
                        let wrong = walk
                            .diagnostic(format!("`{}` is not swept", fit.over))
                            .label("expected a parameter of `sweep`");
                        walk.found.push(wrong.nearest(&fit.over, params.swept()));
                    }
                });
            }),
        }
    }

    /// What of an event is measured.
    fn only(&mut self, of: EventName, only: &Filter) {
        self.within("only", |walk| {
            walk.filter(only);
            if !only.through.is_empty() && of.calls().is_some() {
                walk.within("through", |walk| {
                    walk.wrong(
                        "a system call is seen where it begins or returns, with no kernel function on its stack",
                        "expected an event from inside of the kernel, such as sched_switch",
                    );
                });
            }
        });
    }

    fn packets(&mut self, packets: &Packets) {
        self.refer("to", &packets.to, &[Kind::Descriptor, Kind::Connection]);
        self.marks(packets.from.as_ref(), packets.until.as_ref());
        for (index, event) in packets.at.iter().enumerate().filter(|(_, event)| !event.is_packet()) {
            let name = serde_json::to_value(event).unwrap_or_default();
            let wrong = format!("`{}` does not say where a packet's data lies", name.as_str().unwrap_or_default());
            self.within("at", |walk| {
                walk.within(index.to_string(), |walk| {
                    walk.wrong(wrong, "expected an event such as net_dev_queue or netif_receive_skb");
                });
            });
        }
    }

    /// What grows: a measure that is a number or a list, or such a field of a state.
    fn fitted(&mut self, of: &str, case: &Case) {
        if let Some((state, field)) = of.split_once('.') {
            self.refer("", state, &[Kind::EpollState]);
            let grows = |known: &&Field| matches!(known.1, FieldType::Int | FieldType::Texts | FieldType::Entries(_));
            if !EPOLL.iter().filter(grows).any(|known| known.0 == field) {
                let wrong = self.diagnostic(format!("this state has no number or list `{field}`"));
                self.found.push(wrong.nearest(field, EPOLL.iter().filter(grows).map(|known| known.0)));
            }
            return;
        }
        match case.measure.get(of) {
            Some(Measure::Fit(_)) => self.wrong(format!("`{of}` is no number"), "expected a measure of one run"),
            Some(_) => {}
            None => {
                let wrong = self.diagnostic(format!("unknown measure `{of}`"));
                self.found.push(wrong.nearest(of, case.measure.keys().map(String::as_str)));
            }
        }
    }

    fn take(&mut self, event: EventName, field: &str) {
        self.within("take", |walk| {
            if !event_fields(event).any(|known| known.0 == field) {
                let wrong = walk.diagnostic(format!("this event has no field `{field}`"));
                walk.found.push(wrong.nearest(field, event_fields(event).map(|known| known.0)));
            }
        });
    }
}
