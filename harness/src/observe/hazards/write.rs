//! Writes that took a part, and whose rest was never sent.
use super::{Event, Hazard, Kind, Seen};
use crate::observe::calls::Class;
use crate::observe::facts::asked;

pub(super) fn find(seen: &Seen<'_>) -> Vec<Hazard> {
    let mut instances = Vec::new();
    for phase in &seen.observation.phases {
        for client in phase.clients.iter().filter(|client| client.missing > 0 && !client.ended) {
            let Some(key) = seen.connection(client.port, phase.end) else { continue };
            let short = |event: &&Event| {
                let part = event.result >= 0 && asked(event).is_some_and(|asked| event.result.unsigned_abs() < asked);
                let none = event.result == -i64::from(libc::EAGAIN);
                event.class() == Some(Class::Write) && (part || none) && event.time < phase.end
            };
            let Some(write) = seen.on(key).find(short) else { continue };
            // What nobody has read from the client yet cannot have been sent back.
            let drained = seen
                .on(key)
                .rev()
                .find(|event| event.class() == Some(Class::Read))
                .is_some_and(|event| event.left == 0);
            if !drained {
                continue;
            }
            let text =
                format!("client {} read on until nothing more came: {} bytes are missing", client.port, client.missing);
            instances.push(vec![seen.shown(write), seen.note(phase.end, text)]);
        }
    }
    let hazard = Hazard::of(
        Kind::PartialWriteLost,
        instances,
        "a write took less than it was given, and the rest was never sent",
        "write(2): \"The number of bytes written may be less than count\"",
    );
    hazard.into_iter().collect()
}
