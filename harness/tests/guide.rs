//! The guide as a new user follows it: every command in a block marked `sh` is run, in order, in one empty folder.
//!
//! A block `yaml file=PATH` is written to that file first; `sh status=N` is a block whose last command ends with that.
use std::fs;
use std::path::Path;
use std::process::Command;

const GUIDE: &str = include_str!("../../docs/guide.md");

/// A fenced block: what stands behind the fence, and its lines.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(info), false) => {
                blocks.push((info, String::new()));
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                let block = blocks.last_mut().unwrap_or_else(|| unreachable!("a fence was opened"));
                block.1.push_str(line);
                block.1.push('\n');
            }
            (None, false) => {}
        }
    }
    blocks
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("failed to make a folder: {error}"));
    let program = Path::new(env!("CARGO_BIN_EXE_wakeproof"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap_or(Path::new("/")).display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut ran = 0;
    for (info, text) in blocks(GUIDE) {
        if let Some(file) = info.strip_prefix("yaml file=") {
            let file = folder.path().join(file);
            let below = file.parent().unwrap_or(folder.path());
            fs::create_dir_all(below)
                .and_then(|()| fs::write(&file, &text))
                .unwrap_or_else(|error| panic!("failed to write {}: {error}", file.display()));
        } else if info == "sh" || info.starts_with("sh ") {
            let expected = info.strip_prefix("sh status=").map_or(0, |status| status.parse().unwrap_or(-1));
            let output = Command::new("sh")
                .args(["-e", "-c", &text])
                .current_dir(folder.path())
                .env("PATH", &path)
                .env("LC_ALL", "C.UTF-8")
                .env_remove("RUST_LOG")
                .output()
                .unwrap_or_else(|error| panic!("failed to run sh: {error}"));
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(expected), "{text}\n{said}");
            ran += 1;
        }
    }
    assert!(ran >= 8, "the guide has {ran} blocks of commands");
}
