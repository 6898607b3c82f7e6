//! A deliberate mistake in the server of the case itself, to see the case fail. The control's server stays as it is.
use wakeproof_servers::{Defect, Options, Read};

use super::Plan;
use crate::case::Server;
use crate::load::LoadedCase;
use crate::recording::Half;

/// What a defect is to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The case has no server of the model that can make the mistake.
    Elsewhere,
    /// The mistake can be put in.
    Fits,
    /// It has such a server, but nothing could be told from the mistake: why.
    Conflicts(String),
}

/// Says whether a defect can be put into a case.
pub fn fit(loaded: &LoadedCase, defect: Defect) -> Fit {
    let points = loaded.points();
    let cases = points.iter().filter_map(|point| loaded.resolve(Half::Subject, point).ok());
    let servers: Vec<Server> = cases.filter_map(|case| case.server).filter(|server| concerns(server, defect)).collect();
    if servers.is_empty() {
        return Fit::Elsewhere;
    }
    servers.iter().find_map(|server| conflict(&server.options, defect)).map_or(Fit::Fits, Fit::Conflicts)
}

/// Puts a defect into each server of the case itself that can make the mistake.
pub fn put_in(plan: &mut Plan, defect: Defect) {
    plan.defect = Some(defect);
    let subject = plan.runs.iter_mut().filter(|run| run.half == Half::Subject);
    for server in subject.filter_map(|run| run.case.server.as_mut()).filter(|server| concerns(server, defect)) {
        server.options.defect = Some(defect);
        if decides_reading(defect) {
            server.options.read = None;
        }
    }
}

fn concerns(server: &Server, defect: Defect) -> bool {
    server.model == defect.model()
}

/// Whether the mistake itself says how much is read, so that the case's own word on it must give way.
fn decides_reading(defect: Defect) -> bool {
    matches!(defect, Defect::NotDrained | Defect::NeverReads | Defect::ListsAnew)
}

fn conflict(options: &Options, defect: Defect) -> Option<String> {
    match options.defect {
        Some(own) if own == defect => Some(format!("the case is about the mistake `{own}` itself")),
        Some(own) => Some(format!("the case is about the mistake `{own}`, and a server makes one mistake")),
        None if options.read == Some(Read::Never) && decides_reading(defect) => {
            Some(format!("the case is about a server that never reads, and `{defect}` is about reading"))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Capabilities, plan};
    use super::*;
    use crate::load::load;

    fn case(server: &str) -> LoadedCase {
        let text = format!(
            "title: A case\nwiring: none\nsweep: {{model: [poll, epoll-et]}}\nserver: {server}\nsteps: [connect: {{as: conn}}]\n\
             expect: {{yes: 'true'}}\ncontrol: {{title: An edge-triggered server, server: {{model: epoll-et}}, must_fail: ['yes']}}\n"
        );
        load("a/b", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn the_mistake_is_made_by_the_subject_where_it_has_that_model() {
        let case = case("{model: '${model}', options: {read: once}}");
        assert_eq!(fit(&case, Defect::NotDrained), Fit::Fits);
        let mut plan = plan(&case, &Capabilities::surface("a test"));
        put_in(&mut plan, Defect::NotDrained);
        let defects: Vec<_> = plan.runs.iter().map(|run| run.case.server.as_ref().unwrap().options.defect).collect();
        assert_eq!(defects, [None, Some(Defect::NotDrained), None, None]);
        for server in plan.runs.iter().filter_map(|run| run.case.server.as_ref()) {
            server.options.check(server.model).unwrap();
        }
    }

    #[test]
    fn a_case_that_has_no_such_server_or_a_mistake_of_its_own_is_left_out() {
        let own = "{model: epoll-et, options: {defect: blocking-descriptor}}";
        assert_eq!(fit(&case(own), Defect::NotReaped), Fit::Elsewhere);
        assert!(matches!(fit(&case(own), Defect::BlockingDescriptor), Fit::Conflicts(why) if why.contains("itself")));
        assert!(matches!(fit(&case(own), Defect::NotDrained), Fit::Conflicts(why) if why.contains("one mistake")));
        let silent = "{model: epoll-et, options: {read: never}}";
        assert!(matches!(fit(&case(silent), Defect::NotDrained), Fit::Conflicts(why) if why.contains("never reads")));
        assert_eq!(fit(&case(silent), Defect::AcceptOncePerEdge), Fit::Fits);
    }
}
