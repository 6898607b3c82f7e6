//! A recording as a file: JSON Lines. First the [`Head`]; then for each run its [`RunHead`] and as many lines of
//! [`Event`] as that says. Fields with their default value are left out.
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Event, Extra, Head, Recording, Run, RunHead, VERSION};

/// Why a file is not a recording that can be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file itself.
    #[error("failed to read the recording at line {line}")]
    Read {
        /// From 1.
        line: usize,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file's shape is another one.
    #[error(
        "line 1: the recording has version {found}, and this wakeproof reads version {VERSION}: record it again, or judge it with the wakeproof that wrote it"
    )]
    Version {
        /// The version in the file.
        found: u64,
    },
    /// A line is something else.
    #[error("line {line}: expected {expected}, found {found}")]
    Line {
        /// From 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
        /// What is wrong with what does.
        found: String,
    },
    /// The file ends too early.
    #[error("the recording was cut off: it ends after line {line}, and {missing} is missing")]
    CutOff {
        /// The last line there is, from 1.
        line: usize,
        /// What should follow.
        missing: String,
    },
}

/// Writes a recording to a file.
pub fn save(recording: &Recording, path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write(recording, &mut out)?;
    out.flush()
}

/// Reads a recording from a file.
pub fn open(path: &Path) -> Result<Recording, FileError> {
    let file = File::open(path).map_err(|source| FileError::Read { line: 1, source })?;
    read(BufReader::new(file))
}

/// Writes a recording as JSON Lines. The number of events is what the run has, whatever its head says.
pub fn write(recording: &Recording, mut out: impl Write) -> io::Result<()> {
    line(&mut out, &recording.head)?;
    for run in &recording.runs {
        if run.head.events == run.events.len() {
            line(&mut out, &run.head)?;
        } else {
            line(&mut out, &RunHead { events: run.events.len(), ..run.head.clone() })?;
        }
        for event in &run.events {
            write_event(&mut out, event, &run.head.extras)?;
        }
    }
    Ok(())
}

/// Writes an event as a line, with what it carries of `extras`.
pub fn write_event(mut out: impl Write, event: &Event, extras: &[Extra]) -> io::Result<()> {
    match event.extra.and_then(|place| extras.get(place.index())) {
        Some(extra) => line(&mut out, &Written { event, extra }),
        None => line(&mut out, event),
    }
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    event: &'a Event,
    extra: &'a Extra,
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Reads JSON Lines. What is behind the last complete run is an error, never ignored.
pub fn read(input: impl BufRead) -> Result<Recording, FileError> {
    let mut lines = Lines { input, number: 0, text: String::new() };
    if !lines.next()? {
        return Err(FileError::CutOff { line: 0, missing: "everything".to_owned() });
    }
    let version: Version = lines.parse("the head of a recording")?;
    if version.version != u64::from(VERSION) {
        return Err(FileError::Version { found: version.version });
    }
    let head: Head = lines.parse("the head of a recording")?;
    let mut runs = Vec::new();
    while lines.next()? {
        let mut head: RunHead = lines.parse("the head of a run")?;
        // The number comes from the file: it may be nonsense, so it is no reason to reserve memory.
        let mut events: Vec<Event> = Vec::with_capacity(head.events.min(1 << 16));
        while events.len() < head.events {
            if !lines.next()? {
                let missing = format!("event {} of {} of run {}", events.len() + 1, head.events, runs.len() + 1);
                return Err(FileError::CutOff { line: lines.number, missing });
            }
            let event: Event = lines.parse("an event")?;
            let Beside { extra } =
                if lines.text.contains(EXTRA) { lines.parse("an event")? } else { Beside::default() };
            events.push(Event { extra: extra.store(&mut head.extras), ..event });
        }
        runs.push(Run { head, events });
    }
    Ok(Recording { head, runs })
}

#[derive(serde::Deserialize)]
struct Version {
    version: u64,
}

/// What an event carries, from its line: most have nothing, and are read once.
#[derive(Default, serde::Deserialize)]
struct Beside {
    extra: Extra,
}
const EXTRA: &str = "\"extra\":";

struct Lines<R> {
    input: R,
    /// Of the line in `text`, from 1.
    number: usize,
    text: String,
}

impl<R: BufRead> Lines<R> {
    /// Goes on to the next line; false at the end.
    fn next(&mut self) -> Result<bool, FileError> {
        self.text.clear();
        let bytes =
            self.input.read_line(&mut self.text).map_err(|source| FileError::Read { line: self.number + 1, source })?;
        self.number += usize::from(bytes > 0);
        Ok(bytes > 0)
    }

    fn parse<T: DeserializeOwned>(&self, expected: &'static str) -> Result<T, FileError> {
        serde_json::from_str(self.text.trim_end()).map_err(|error| {
            let line = self.number;
            if error.is_eof() {
                return FileError::CutOff { line, missing: format!("the rest of {expected} in that line") };
            }
            FileError::Line { line, expected, found: error.to_string() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Script, head};

    fn recording() -> Recording {
        let run = Script::subject().connection("conn", 5001).segment("conn", 8).wait_reports("conn").run();
        Recording { head: head(), runs: vec![run.clone(), run] }
    }

    fn text() -> String {
        let mut text = Vec::new();
        write(&recording(), &mut text).expect("memory");
        String::from_utf8(text).expect("JSON")
    }

    #[test]
    fn what_was_written_is_read_again() {
        assert_eq!(read(text().as_bytes()).expect("a recording"), recording());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("case.jsonl");
        save(&recording(), &path).expect("a file");
        assert_eq!(open(&path).expect("a recording"), recording());
    }

    #[test]
    fn a_line_has_only_what_there_is_to_say() {
        let text = text();
        let segment = text.lines().find(|line| line.contains("tcp_v4_rcv")).expect("an event");
        assert!(!segment.contains("peer") && !segment.contains("stack") && !segment.contains("null"), "{segment}");
    }

    #[test]
    fn every_truncation_is_an_error_that_says_what_is_missing() {
        let text = text();
        let lines: Vec<&str> = text.lines().collect();
        let heads = [1, 1 + (lines.len() - 1) / 2, lines.len()];
        for keep in 0..lines.len() {
            let cut = lines[..keep].iter().fold(String::new(), |all, line| all + line + "\n");
            let result = read(cut.as_bytes());
            assert_eq!(result.is_ok(), heads.contains(&keep), "{keep} lines");
            if let Err(error) = result {
                assert!(error.to_string().contains("is missing"), "{error}");
            }
        }
        let middle = &text[..text.len() - 10];
        let error = read(middle.as_bytes()).expect_err("half a line").to_string();
        assert!(error.contains(&format!("line {}", lines.len())) && error.contains("an event"), "{error}");
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let other = text().replacen("\"version\":1", "\"version\":7", 1);
        let error = read(other.as_bytes()).expect_err("another version").to_string();
        assert!(error.contains("version 7") && error.contains("version 1"), "{error}");
    }

    #[test]
    fn a_wrong_line_is_named_with_its_number() {
        let text = text();
        let wrong = text.replacen("\"name\":\"tcp_v4_rcv\"", "\"name\":\"udp_rcv\"", 1);
        let number = 1 + text.lines().position(|line| line.contains("\"name\":\"tcp_v4_rcv\"")).expect("an event");
        let error = read(wrong.as_bytes()).expect_err("an unknown event").to_string();
        assert!(
            error.starts_with(&format!("line {number}: expected an event")) && error.contains("udp_rcv"),
            "{error}"
        );
    }
}
