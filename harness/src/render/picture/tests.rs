//! Pictures of small recordings.
use super::*;
use crate::case::EventName;
use crate::judge::testing::{Script, recording};
use crate::recording::Run;
use crate::verdict::{ControlResult, Outcome};

fn verdict(evidence: Vec<Evidence>) -> Verdict {
    let kernel = crate::render::testing::kernel();
    let finding = crate::verdict::Finding {
        name: "reports".to_owned(),
        predicate: "reports == 1".to_owned(),
        point: BTreeMap::new(),
        held: Some(true),
        undecided: None,
        evidence,
    };
    Verdict {
        case: "epoll/test".to_owned(),
        title: "A test".to_owned(),
        kernel,
        outcome: Outcome::Pass,
        reason: None,
        grade: crate::case::Grade::Function,
        claims: Vec::new(),
        expectations: vec![finding],
        control: ControlResult { title: "Nothing".to_owned(), findings: Vec::new(), discriminates: Some(true) },
        tables: Vec::new(),
        again: Vec::new(),
        millis: 1,
    }
}

fn draw(run: Run) -> Picture {
    let mut pictures = pictures(&recording([run]), &verdict(Vec::new()));
    assert_eq!(pictures.len(), 1);
    pictures.remove(0)
}

fn words<'a>(picture: &'a Picture, way: &[usize]) -> Vec<&'a str> {
    way.iter().map(|dot| picture.texts[picture.dots[*dot].label].as_str()).collect()
}

#[test]
fn a_segment_is_followed_to_the_read() {
    let run = Script::subject()
        .connection("conn", 5001)
        .segment("conn", 8)
        .callback("conn")
        .waking()
        .wait_reports("conn")
        .read("conn", 8)
        .run();
    let picture = draw(run);
    assert_eq!(picture.ways.len(), 1);
    assert_eq!(
        words(&picture, &picture.ways[0]),
        ["segment, 8 bytes", "ep_poll_callback", "woken", "epoll_wait: 1 ready", "read: 8 bytes"]
    );
    let lanes: Vec<_> = picture.lanes.iter().map(|lane| (lane.kind, lane.name.as_str())).collect();
    assert_eq!(
        lanes,
        [(LaneKind::Socket, "socket conn"), (LaneKind::Eventpoll, "eventpoll"), (LaneKind::Task, "server")]
    );
    assert_eq!(
        picture.story,
        ["On conn: 1 segment arrives, epoll’s callback is seen once, epoll_wait reports it once, it is read once."]
    );
}

#[test]
fn a_report_without_a_new_arrival_is_of_the_last_one_again() {
    let level = Script::subject().connection("conn", 5001).segment("conn", 8).wait_reports("conn").read("conn", 4);
    let picture = draw(level.wait_reports("conn").read("conn", 4).run());
    assert_eq!(picture.ways.iter().map(Vec::len).collect::<Vec<_>>(), [5], "the second report is on the same way");
    let edge = Script::subject().connection("conn", 5001).segment("conn", 8).wait_reports("conn");
    let picture = draw(edge.segment("conn", 1).wait_reports("conn").run());
    assert_eq!(picture.ways.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2], "each arrival has its report");
    assert!(picture.story[0].ends_with("nobody reads it; 9 bytes unread at the end."), "{:?}", picture.story);
}

#[test]
fn data_lies_unread_until_the_last_byte_is_taken() {
    let run = Script::subject().connection("conn", 5001).segment("conn", 8).read("conn", 6).read("conn", 2).run();
    let picture = draw(run);
    let unread: Vec<_> = picture.spans.iter().filter(|span| span.kind == SpanKind::Unread).collect();
    let labels: Vec<_> = unread.iter().map(|span| picture.texts[span.label].as_str()).collect();
    assert_eq!(labels, ["8 bytes unread", "2 bytes unread"]);
    assert_eq!(unread[0].until, unread[1].from);
}

#[test]
fn a_measure_points_to_its_dots() {
    let run = Script::subject().connection("conn", 5001).segment("conn", 8).wait_reports("conn").run();
    let place = run.events.iter().position(|event| event.name == EventName::EpollWait).expect("a report");
    let evidence = Evidence { measure: "reports".to_owned(), value: serde_json::json!(1), run: 0, events: vec![place] };
    let pictures = pictures(&recording([run]), &verdict(vec![evidence]));
    let count = &pictures[0].counts[0];
    assert_eq!(count.text, "reports = 1");
    assert_eq!(words(&pictures[0], &count.dots), ["epoll_wait: 1 ready"]);
}

#[test]
fn a_long_run_is_cut_and_says_so() {
    let mut script = Script::subject().connection("conn", 5001);
    for _ in 0..MOST {
        script = script.segment("conn", 1);
    }
    let picture = draw(script.run());
    assert_eq!(picture.dots.len(), MOST);
    assert_eq!(picture.left_out, 2, "the accept and the registration");
}

#[test]
fn a_picture_survives_the_file() {
    let picture = draw(Script::subject().connection("conn", 5001).segment("conn", 8).wait_reports("conn").run());
    let text = serde_json::to_string(&picture).expect("JSON");
    assert_eq!(serde_json::from_str::<Picture>(&text).expect("a picture"), picture);
    assert!(text.contains("[3000,0,\"segment\","), "dots are short: {text}");
}
