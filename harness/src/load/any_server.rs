//! Cases to which any server can be held: what they may do, and what is left of them then.
use std::sync::Arc;

use super::tree::Node;
use super::{Diagnostic, LoadedCase};
use crate::case::{Await, Case, Connect, Inspected, Over, Step};
use crate::recording::Half;

/// The halves of a case.
pub(super) const BOTH: &[Half] = &[Half::Subject, Half::Control];

impl LoadedCase {
    /// The case as a user's server can be held to it: what it says of any server, and no control, whose server is ours.
    /// None: it says nothing of any server.
    pub fn for_any_server(&self) -> Option<Self> {
        let mut case = (*self.case).clone();
        case.expect.retain(|name, _| self.case.any_server.contains(name));
        case.claims.clear();
        case.tables.clear();
        case.control.must_fail.clear();
        let applies = !case.expect.is_empty();
        applies.then(|| Self { case: Arc::new(case), halves: &[Half::Subject], ..self.clone() })
    }
}

/// A case that says something of any server must not need what only ours have.
pub(super) fn check(case: &Case, tree: &Node, found: &mut Vec<Diagnostic>) {
    let at = |path: &[&str]| tree.at(path.iter().copied()).place;
    for (index, name) in case.any_server.iter().enumerate() {
        let index = index.to_string();
        if !case.expect.contains_key(name) {
            let wrong = Diagnostic::new(at(&["any_server", &index]), format!("unknown expectation `{name}`"));
            found.push(wrong.nearest(name, case.expect.keys().map(String::as_str)));
        }
    }
    if case.any_server.is_empty() {
        return;
    }
    match &case.server {
        None => found.push(
            Diagnostic::new(at(&["any_server"]), "this says something of any server")
                .label("the case has none in whose place it could be started"),
        ),
        Some(server) if server.limit.is_some() => found.push(
            Diagnostic::new(at(&["server", "limit"]), "a user's server has its own limits")
                .label("a case with `any_server` cannot set one"),
        ),
        Some(_) => {}
    }
    if !case.sweep.is_empty() {
        found.push(
            Diagnostic::new(at(&["sweep"]), "a user's server is run once")
                .label("a case with `any_server` cannot sweep a parameter"),
        );
    }
    if let Some(steps) = tree.get("steps") {
        check_steps(&case.steps, steps, found);
    }
}

fn check_steps(steps: &[Step], tree: &Node, found: &mut Vec<Diagnostic>) {
    for (step, node) in steps.iter().zip(tree.items()) {
        if let Step::Repeat(repeat) = step {
            check_steps(&repeat.steps, node.at(["repeat", "steps"]), found);
        } else if let Some(why) = ours(step) {
            found.push(
                Diagnostic::new(node.place, "not every server can take this step").label(why).help(
                    "of any server, clients `connect`, send a `request`, take the `reply`, `half_close`, `reset` or `close`; \
                     `await` that it is `quiet` or `asleep`",
                ),
            );
        }
    }
}

/// Why a step is for reference servers only, if it is.
fn ours(step: &Step) -> Option<&'static str> {
    match step {
        Step::Connect(Connect { to: None, over: Over::Loopback, .. })
        | Step::Request(_)
        | Step::Reply(_)
        | Step::HalfClose(_)
        | Step::Reset(_)
        | Step::Close(_)
        | Step::Mark(_)
        | Step::Stop(_)
        | Step::Continue(_)
        | Step::Await(Await::Quiet(_) | Await::Asleep(_)) => None,
        Step::Inspect(inspect) => match inspect.state {
            Inspected::Tcp(_) | Inspected::Tasks(_) | Inspected::Files(_) | Inspected::Queues(_) => None,
            _ => Some("a server need not have that"),
        },
        Step::Send(_) | Step::Receive(_) => Some("another protocol has other bytes"),
        Step::Sentinel => Some("another protocol may answer nothing to one byte"),
        Step::Await(_) => Some("a server may do the same by another call, or through a ring"),
        _ => Some("it is no client's"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    const CASE: &str = "title: Every client is answered\nwiring: none\nserver: {model: epoll-et, options: {buffer: 16}}\n\
        steps:\n  - connect: {as: conn}\n  - request: {on: conn}\n  - await: {quiet: server}\n  - reply: {on: conn, as: answer}\n\
        measure: {reads: {count: {of: read, only: {on: conn}}}}\nexpect:\n  it is answered: answer.replies == 1\n  it reads: reads > 0\n\
        any_server: [it is answered]\ncontrol: {title: Another server, server: {model: epoll-lt}, must_fail: [it reads]}\n";

    fn said(right: &str, wrong: &str) -> String {
        assert!(CASE.contains(right), "nothing to replace: {right}");
        load("a/b", &CASE.replacen(right, wrong, 1)).map_or_else(|found| found.to_string(), |_| "nothing".to_owned())
    }

    #[test]
    fn what_is_left_for_a_users_server_is_what_is_said_of_any() {
        let case = load("a/b", CASE).unwrap_or_else(|wrong| panic!("{wrong}"));
        let any = case.for_any_server().expect("it says something of any server");
        assert_eq!(any.case().expect.keys().collect::<Vec<_>>(), ["it is answered"]);
        assert_eq!(any.halves(), [Half::Subject]);
        assert_eq!(case.halves(), BOTH);
        let none = load("a/b", &CASE.replace("any_server: [it is answered]\n", "")).expect("it is right");
        assert!(none.for_any_server().is_none());
    }

    #[test]
    fn what_only_our_servers_take_is_refused_where_it_stands() {
        let bytes = said("request: {on: conn}", "send: {on: conn, bytes: 1}");
        assert!(bytes.contains("cases/a/b.yaml:6:5") && bytes.contains("another protocol has other bytes"), "{bytes}");
        let awaited = said("await: {quiet: server}", "await: {event: {of: accept, only: {on: conn}}}");
        assert!(awaited.contains("by another call"), "{awaited}");
        let limited = said("buffer: 16}}", "buffer: 16}, limit: {of: nofile, to: 20}}");
        assert!(limited.contains("has its own limits"), "{limited}");
        let name = said("any_server: [it is answered]", "any_server: [it is answerd]");
        assert!(name.contains("unknown expectation") && name.contains("did you mean `it is answered`"), "{name}");
    }
}
