//! Command lines that are ours in part: what we do not know goes on to `wakeproof`, and both kinds may be mixed.

use std::{
    env,
    error::Error,
    ffi::{OsStr, OsString},
    fmt,
};

/// The options of ours that take a value.
const OURS: &[&str] = &[
    "--kernel",
    "--report-dir",
    "--guest-cpus",
    "--guest-memory",
    "--guest-boot",
    "--guest-deadline",
    "--accel",
    "--jobs",
    "--shard",
];
/// Those that take none.
const FLAGS: &[&str] = &["--only-changing", "--help", "-h"];
/// The flags of `wakeproof test` with which all cases run as they do without.
const OF_THE_WHOLE: &[&str] =
    &["--show-skips", "--progress", "--timings", "--include-ignored", "--nocapture", "--show-output"];
/// And its options.
const OF_THE_WHOLE_WITH_VALUE: &[&str] = &["--step-deadline", "--test-threads", "--color"];
/// What says where the output of `wakeproof test` goes and how it looks, and what makes results that are not the kernel's:
/// for several kernels there is only the table.
const OF_ONE: &[&str] = &["--format", "--logfile", "--defect"];

/// What was asked for cannot be: nothing ran.
#[derive(Debug)]
pub struct Wrong(anyhow::Error);

/// The same error as one of the command line, whose exit status is that of a wrong flag.
pub fn wrong(error: anyhow::Error) -> anyhow::Error {
    Wrong(error).into()
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl Error for Wrong {}

/// The command line with our options moved in front of what goes to `wakeproof`.
pub fn sorted() -> Vec<OsString> {
    sort(env::args_os().collect())
}

fn sort(words: Vec<OsString>) -> Vec<OsString> {
    let subcommand = words.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    // Of these, a `--` begins the server's own command line, which `wakeproof` has to see.
    let of_a_server = matches!(subcommand, "inspect" | "guard");
    if subcommand != "test" && !of_a_server {
        return words;
    }
    let mut words = words.into_iter();
    let mut ours: Vec<OsString> = words.by_ref().take(2).collect();
    let mut theirs = vec![];
    while let Some(word) = words.next() {
        let name = word.to_str().unwrap_or_default();
        if name == "--" {
            theirs.extend(of_a_server.then_some(word));
            theirs.extend(words.by_ref());
        } else if OURS.contains(&name) {
            ours.push(word);
            ours.extend(words.next());
        } else if FLAGS.contains(&name) || OURS.iter().any(|option| is_assignment(name, option)) {
            ours.push(word);
        } else {
            theirs.push(word);
        }
    }
    ours.push("--".into());
    ours.extend(theirs);
    ours
}

fn is_assignment(word: &str, option: &str) -> bool {
    word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
}

/// The value of an option among words, in either spelling.
pub fn value_of<'a>(words: &'a [OsString], option: &str) -> Option<&'a OsStr> {
    words.iter().enumerate().find_map(|(index, word)| {
        if word == option {
            return words.get(index + 1).map(OsString::as_os_str);
        }
        Some(OsStr::new(word.to_str()?.strip_prefix(option)?.strip_prefix('=')?))
    })
}

/// Whether `wakeproof test` runs the whole suite as always with these words.
pub fn is_whole(words: &[OsString]) -> bool {
    let mut words = words.iter().map(|word| word.to_str().unwrap_or_default());
    while let Some(word) = words.next() {
        if OF_THE_WHOLE_WITH_VALUE.contains(&word) {
            words.next();
        } else if !OF_THE_WHOLE.contains(&word)
            && !OF_THE_WHOLE_WITH_VALUE.iter().any(|option| is_assignment(word, option))
        {
            return false;
        }
    }
    true
}

/// The first word that makes sense for one kernel alone.
pub fn of_one(words: &[OsString]) -> Option<&str> {
    let quiet = |word: &&str| matches!(*word, "-q" | "--quiet");
    let one = |word: &&str| quiet(word) || OF_ONE.iter().any(|option| word == option || is_assignment(word, option));
    words.iter().filter_map(|word| word.to_str()).find(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn our_options_may_stand_anywhere() {
        assert_eq!(
            sort(words("xtask test epoll --exact --only-changing --kernel 5.10 --format json --accel=auto")),
            words("xtask test --only-changing --kernel 5.10 --accel=auto -- epoll --exact --format json")
        );
        assert_eq!(sort(words("xtask test -- --kernel x")), words("xtask test -- --kernel x"));
        assert_eq!(sort(words("xtask test --help")), words("xtask test --help --"));
        assert_eq!(sort(words("xtask build --kernel x")), words("xtask build --kernel x"));
    }

    #[test]
    fn what_a_server_is_told_is_its_own() {
        assert_eq!(
            sort(words("xtask inspect --format json --kernel 6.1 -- server --kernel x --help")),
            words("xtask inspect --kernel 6.1 -- --format json -- server --kernel x --help")
        );
        assert_eq!(sort(words("xtask guard a.yaml -- server")), words("xtask guard -- a.yaml -- server"));
    }

    #[test]
    fn a_whole_run_is_known_by_its_words() {
        for whole in ["--show-skips", "--step-deadline 20 --color=never", "--include-ignored --timings"] {
            assert!(is_whole(&words(whole)), "{whole}");
        }
        assert!(is_whole(&[]));
        for part in ["epoll/", "--show-skips epoll/", "--step-deadline 20 30", "--evidence surface", "--exact a", "-q"]
        {
            assert!(!is_whole(&words(part)), "{part}");
        }
    }

    #[test]
    fn what_several_kernels_have_no_use_for_is_found() {
        assert_eq!(of_one(&words("epoll/ --format json")), Some("--format"));
        assert_eq!(of_one(&words("--defect=fork:not-reaped")), Some("--defect=fork:not-reaped"));
        assert_eq!(of_one(&words("-q")), Some("-q"));
        assert_eq!(of_one(&words("epoll/ --show-skips --exact")), None);
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        assert_eq!(value_of(&words("a --evidence surface"), "--evidence"), Some(OsStr::new("surface")));
        assert_eq!(value_of(&words("--evidence=auto b"), "--evidence"), Some(OsStr::new("auto")));
        assert_eq!(value_of(&words("--evidence"), "--evidence"), None);
    }
}
