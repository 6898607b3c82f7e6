//! The names in calls about descriptors themselves: how many there may be, and what they lead to.
use super::Walk;
use super::table::{FILES, Kind};
use crate::case::{Kcmp, Shared, Step};

impl Walk<'_> {
    /// A call about descriptors, or a filter on one.
    pub(super) fn descriptors(&mut self, step: &Step, actors: u64) {
        match step {
            Step::Reopen(reopen) => {
                self.refer("of", &reopen.of, &[Kind::Descriptor]);
                self.name("as", &reopen.name, Kind::Descriptor, 1);
            }
            Step::Limit(limit) => self.result(limit.name.as_ref(), actors),
            Step::DupUntilRefused(dup) => {
                self.refer("of", &dup.of, FILES);
                self.result(Some(&dup.name), actors);
            }
            Step::Dup2(dup) => {
                self.refer("of", &dup.of, FILES);
                self.result(Some(&dup.name), actors);
            }
            Step::Kcmp(kcmp) => self.compare(kcmp, actors),
            Step::AttachFilter(filter) => self.refer("on", &filter.on, &[Kind::Descriptor]),
            Step::DetachFilter(of) => self.refer("", of, &[Kind::Descriptor]),
            _ => {}
        }
    }

    fn compare(&mut self, kcmp: &Kcmp, actors: u64) {
        let given = [("one", &kcmp.one), ("other", &kcmp.other)];
        for (key, name) in given.iter().filter_map(|(key, name)| Some((key, name.as_ref()?))) {
            self.refer(key, name, FILES);
        }
        let wanted = if kcmp.what == Shared::File { 2 } else { 0 };
        if given.iter().filter(|(_, name)| name.is_some()).count() != wanted {
            self.wrong(
                "`kcmp` compares two descriptors or two processes",
                "expected `one` and `other` for `file`, and neither for anything else",
            );
        }
        match &kcmp.with {
            Some(actor) => self.refer("with", actor, &[Kind::Actor]),
            None if kcmp.what != Shared::File => {
                self.wrong("this compares a process with itself", "expected `with`: an actor");
            }
            None => {}
        }
        self.result(Some(&kcmp.name), actors);
    }
}
