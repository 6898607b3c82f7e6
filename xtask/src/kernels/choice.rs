//! What `--kernel` and `cargo xtask kernels` ask for: one kernel, a list, a range, or all.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::{
    image,
    matrix::{DISTRIBUTION, Entry, GUEST, HOST, Matrix},
};
use crate::command_line::wrong;

/// The word for the whole matrix.
const ALL: &str = "all";
/// The words for its ends.
const OLDEST: &str = "oldest";
const NEWEST: &str = "newest";
/// The word that leaves the choice between the running kernel and a guest to us, where one is run.
const AUTO: &str = "auto";

/// The kernels that the text names, each once, in the order of the text; none if it is not a list but one kernel.
///
/// A list is `all`, or names, images and ranges with commas between: `5.10,6.12..7.1,./bzImage,host`. Both ends of a range
/// belong to it, and either may be left out. `oldest` and `newest` are names too.
pub fn several(matrix: &Matrix, text: &str) -> Result<Option<Vec<String>>> {
    one_or_several(matrix, text).map_err(wrong)
}

fn one_or_several(matrix: &Matrix, text: &str) -> Result<Option<Vec<String>>> {
    let is_list = [ALL, OLDEST, NEWEST].contains(&text) || text.contains(',') || range_in(text).is_some();
    // The path of one image may have commas.
    if is_list && !Path::new(text).is_file() {
        return list(matrix, text).map(Some);
    }
    // What is wrong is told before anything is built.
    if text != AUTO && image(text)?.is_none() {
        matrix.find(text)?;
    }
    Ok(None)
}

/// The kernels for guests that these words name, each word a list or one kernel; without words all.
pub fn guests(matrix: &Matrix, words: &[String]) -> Result<Vec<String>> {
    lists(matrix, words).map_err(wrong)
}

fn lists(matrix: &Matrix, words: &[String]) -> Result<Vec<String>> {
    if words.is_empty() {
        return lists(matrix, &[ALL.to_owned()]);
    }
    let mut names = Vec::new();
    for word in words {
        ensure!(!items(word).contains(&HOST), "`{HOST}` is the running kernel: it runs already");
        names.extend(list(matrix, word)?);
    }
    names.retain(|name| name != HOST);
    Ok(once(names))
}

/// The kernels of a list, each once.
fn list(matrix: &Matrix, text: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for item in items(text) {
        if image(item)?.is_some() {
            names.push(item.to_owned());
        } else {
            names.extend(entries(matrix, item)?.into_iter().map(|entry| entry.series.clone()));
        }
    }
    ensure!(!names.is_empty(), "`{text}` names no kernel");
    Ok(once(names))
}

fn items(text: &str) -> Vec<&str> {
    if Path::new(text).is_file() {
        return vec![text];
    }
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
}

fn once(names: Vec<String>) -> Vec<String> {
    let mut once = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

/// What an item of a list names that is no image.
fn entries<'a>(matrix: &'a Matrix, item: &str) -> Result<Vec<&'a Entry>> {
    if item == ALL {
        // Last: where the distribution's own is one of the series too, it is better known by that name.
        let (own, others): (Vec<_>, Vec<_>) = matrix.kernel.iter().partition(|entry| entry.series == DISTRIBUTION);
        return Ok([others, own].concat());
    }
    match range_in(item) {
        Some((from, to)) => range(matrix, from, to),
        None if item == OLDEST || item == NEWEST => range(matrix, item, item),
        None => Ok(vec![matrix.find(item)?]),
    }
}

/// The ends of a range; the path of an image may have two dots too.
fn range_in(item: &str) -> Option<(&str, &str)> {
    let (from, to) = item.split_once("..").filter(|_| !item.contains('/'))?;
    Some((from.trim(), to.trim()))
}

/// The series from one to another by their versions; what has none is in no range.
fn range<'a>(matrix: &'a Matrix, from: &str, to: &str) -> Result<Vec<&'a Entry>> {
    let known = versions(matrix);
    let end = |name: &str| match name {
        "" => Ok(None),
        OLDEST => Ok(known.first().map(|(version, _)| *version)),
        NEWEST => Ok(known.last().map(|(version, _)| *version)),
        _ => match version(name) {
            Some(version) => Ok(Some(version)),
            None => bail!(
                "`{name}` cannot be the end of a range: expected a version such as 6.12, `{OLDEST}` or `{NEWEST}`"
            ),
        },
    };
    let (first, last) = (end(from)?, end(to)?);
    if let (Some(first), Some(last)) = (first, last) {
        ensure!(first <= last, "the range `{from}..{to}` begins with the newer end: did you mean `{to}..{from}`?");
    }
    let found: Vec<_> = known
        .iter()
        .filter(|(version, _)| first.is_none_or(|first| first <= *version) && last.is_none_or(|last| *version <= last))
        .map(|(_, entry)| *entry)
        .collect();
    let all = || known.iter().map(|(_, entry)| entry.series.as_str()).collect::<Vec<_>>().join(", ");
    ensure!(!found.is_empty(), "no kernel lies in `{from}..{to}`: ci/kernels.toml has {}", all());
    Ok(found)
}

/// The entries that have a version, oldest first.
fn versions(matrix: &Matrix) -> Vec<((u32, u32), &Entry)> {
    let mut versions: Vec<_> =
        matrix.kernel.iter().filter_map(|entry| Some((version(&entry.series)?, entry))).collect();
    versions.sort_by_key(|(version, _)| *version);
    versions
}

/// `6.12` as numbers that compare.
fn version(series: &str) -> Option<(u32, u32)> {
    let (major, minor) = series.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn series(matrix: &Matrix) -> Vec<&str> {
    matrix.kernel.iter().map(|entry| entry.series.as_str()).collect()
}

/// What to say of a name that the matrix does not have.
pub fn unknown(matrix: &Matrix, name: &str) -> String {
    if name == AUTO {
        return format!(
            "`{AUTO}` stands alone, where either `{HOST}` or `{GUEST}` is run: name a kernel here, such as `{GUEST}`"
        );
    }
    let near = nearest(matrix, name).map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
    format!(
        "there is no kernel `{name}`{near}\n  ci/kernels.toml has {}\n  other words are {AUTO}, {GUEST}, {OLDEST}, {NEWEST} \
         and {ALL}, lists such as 5.10,6.12, ranges such as 6.12..7.1, and paths of images",
        series(matrix).join(", ")
    )
}

/// The version nearest to one that is not there, and the word nearest to anything else, if one is near enough to be meant.
fn nearest<'a>(matrix: &'a Matrix, wrong: &str) -> Option<&'a str> {
    let line = |(major, minor): (u32, u32)| u64::from(major) * 1000 + u64::from(minor);
    if let Some(wrong) = version(wrong).map(line) {
        let known = versions(matrix).into_iter();
        return known.min_by_key(|(known, _)| line(*known).abs_diff(wrong)).map(|(_, entry)| entry.series.as_str());
    }
    let known = series(matrix).into_iter().chain([AUTO, GUEST, OLDEST, NEWEST, ALL]);
    let scored = known.map(|known| (strsim::jaro_winkler(&wrong.to_lowercase(), known), known));
    scored.filter(|(score, _)| *score > 0.8).max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::tests::bz_image, *};
    use crate::workspace::Workspace;

    fn matrix() -> Matrix {
        Matrix::load(&Workspace::locate()).expect("the list is valid")
    }

    fn chosen(text: &str) -> Option<Vec<String>> {
        several(&matrix(), text).expect("it can be understood")
    }

    fn refused(text: &str) -> String {
        several(&matrix(), text).expect_err("it cannot be understood").to_string()
    }

    fn for_guests(words: &[&str]) -> Result<Vec<String>> {
        guests(&matrix(), &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn one_kernel_is_no_list() {
        for one in ["auto", "host", "5.10", "guest"] {
            assert_eq!(chosen(one), None, "{one}");
        }
    }

    #[test]
    fn an_image_may_stand_in_a_list_and_have_a_comma_in_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let image = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, bz_image()).expect("a file");
            path.display().to_string()
        };
        let (plain, comma, dots) = (image("bzImage"), image("a,b"), image("6.1..6.2"));
        for one in [&plain, &comma, &dots] {
            assert_eq!(chosen(one), None, "one image");
            assert_eq!(for_guests(&[one, "5.10"]).expect("two"), [one, "5.10"]);
        }
        assert_eq!(chosen(&format!("5.10,{plain},host,{plain}")).expect("a list"), ["5.10", &plain, "host"]);
    }

    #[test]
    fn lists_and_ranges_may_be_mixed_and_nothing_comes_twice() {
        assert_eq!(chosen("host,5.10").expect("a list"), ["host", "5.10"]);
        assert_eq!(chosen("guest,distribution").expect("a list"), [DISTRIBUTION]);
        assert_eq!(chosen("6.18..7.0").expect("a range"), ["6.18", "6.19", "7.0"]);
        assert_eq!(chosen("..6.1,6.1").expect("a range"), ["5.10", "6.1"]);
        assert_eq!(chosen("oldest..6.1,7.2..newest").expect("ranges"), ["5.10", "6.1", "7.2", "7.3"]);
        assert_eq!(chosen("newest,oldest").expect("two words"), ["7.3", "5.10"]);
        assert_eq!(chosen("oldest").expect("a word"), ["5.10"]);
        let all = chosen("all").expect("all");
        assert!(all.len() >= 12 && all.contains(&HOST.to_owned()));
    }

    #[test]
    fn words_for_guests_are_lists_too_and_the_running_kernel_is_none() {
        let all = for_guests(&[]).expect("all");
        assert!(all.len() >= 11 && !all.contains(&HOST.to_owned()), "{all:?}");
        assert_eq!(for_guests(&["all", "5.10"]).expect("all"), all);
        assert_eq!(for_guests(&["6.18..6.19", "6.1,6.19"]).expect("words"), ["6.18", "6.19", "6.1"]);
        assert!(for_guests(&["5.10,host"]).is_err_and(|error| error.to_string().contains("it runs already")));
        assert!(for_guests(&["auto"]).is_err());
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        for wrong in ["5.10,2.6", "new..old", ",", "5.10,./nowhere/bzImage", "./nowhere/bzImage", "5.10,auto", "README"]
        {
            refused(wrong);
        }
        assert!(refused("8.0..9.0").contains("7.3"), "{}", refused("8.0..9.0"));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_and_with_all() {
        for (wrong, near) in [
            ("5.1O", "5.10"),
            ("9.9", "7.3"),
            ("6.11", "6.12"),
            ("gest", GUEST),
            ("v6.1", "6.1"),
            ("dist", DISTRIBUTION),
        ] {
            let error = refused(wrong);
            assert!(error.contains(&format!("`{wrong}`: did you mean `{near}`?")), "{error}");
            assert!(error.contains("host, distribution, 5.10, ") && error.contains("oldest"), "{error}");
        }
        assert!(!refused("windows").contains("mean"), "{}", refused("windows"));
    }

    #[test]
    fn ends_of_a_range_that_are_swapped_are_put_right() {
        for (wrong, right) in [("6.12..5.10", "`5.10..6.12`"), ("newest..oldest", "`oldest..newest`")] {
            assert!(refused(wrong).contains(right), "{}", refused(wrong));
        }
    }
}
