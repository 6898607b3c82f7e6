//! The built command, as a shell sees it: output, exit status, and who must not be bothered.
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn wakeproof(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wakeproof"));
    command.args(arguments).env_remove("RUST_LOG").env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
    command.output().unwrap_or_else(|error| panic!("failed to run wakeproof: {error}"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with one case of this text.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("failed to make a folder: {error}"));
    let write = |path: &Path| fs::create_dir_all(path).and_then(|()| fs::write(path.join("mine.yaml"), text));
    write(&folder.path().join("poll")).unwrap_or_else(|error| panic!("failed to write a case: {error}"));
    folder
}

#[test]
fn help_names_every_exit_status() {
    let output = wakeproof(&["--help"]);
    assert!(output.status.success());
    for status in ["0  ", "1  ", "2  ", "3  ", "130", "141"] {
        assert!(stdout(&output).contains(status), "{status} is not in the help");
    }
}

#[test]
fn a_mistake_in_a_case_ends_with_2_before_anything_runs() {
    let folder = folder("title: A case\nclaim: []\n");
    let output = wakeproof(&["test", "--cases", &folder.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("mine.yaml:2:"), "{}", stderr(&output));
    assert!(stderr(&output).contains("`claims`"), "{}", stderr(&output));
}

#[test]
fn a_filter_that_matches_nothing_ends_with_2() {
    let output = wakeproof(&["test", "no-such-case"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no case matches `no-such-case`"), "{}", stderr(&output));
}

#[test]
fn the_list_is_what_nextest_reads() {
    let output = wakeproof(&["test", "--list", "--format", "terse"]);
    assert!(output.status.success());
    assert!(stdout(&output).lines().count() > 1);
    assert!(stdout(&output).lines().all(|line| line.ends_with(": test")), "{}", stdout(&output));
    let ignored = wakeproof(&["test", "--list", "--format", "terse", "--ignored"]);
    assert!(stdout(&ignored).lines().all(|line| stdout(&output).contains(line)));
}

#[test]
fn a_surface_run_shows_what_it_skips_and_why() {
    let output = wakeproof(&["test", "--evidence", "surface", "--show-skips", "epoll/edge-triggered"]);
    assert!(stdout(&output).contains("evidence surface"), "{}", stdout(&output));
    assert!(stdout(&output).contains("needs evidence of grade"), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let insisting = wakeproof(&["test", "--evidence", "surface", "--include-ignored", "epoll/edge-triggered"]);
    assert_eq!(insisting.status.code(), Some(1), "a skip counts where every case was insisted on");
}

#[test]
fn doctor_has_the_fields_that_programs_ask_for() {
    let output = wakeproof(&["doctor", "--format", "json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let doctor: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    for field in ["grade", "kernel", "probes", "missing"] {
        assert!(doctor.get(field).is_some(), "{field} is missing");
    }
}

#[test]
fn nobody_reading_ends_it_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(["test", "--list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("failed to run wakeproof: {error}"));
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("failed to wait: {error}"));
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(stderr(&output), "");
}
