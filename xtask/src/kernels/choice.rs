//! What `--kernel` asks for: one kernel, a list, a range, or all.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::{
    image,
    matrix::{DISTRIBUTION, HOST, Matrix},
};

/// The word for the whole matrix.
const ALL: &str = "all";
/// The words for its ends.
const OLDEST: &str = "oldest";
const NEWEST: &str = "newest";

/// The kernels that the text names, each once, in the order of the text; none if it is not a list but one kernel.
///
/// A list is `all`, or names, images and ranges with commas between: `5.10,6.12..7.1,./bzImage,host`. Both ends of a range
/// belong to it, and either may be left out. `oldest` and `newest` are names too.
pub fn several(matrix: &Matrix, text: &str) -> Result<Option<Vec<String>>> {
    // The path of one image may have commas.
    if Path::new(text).is_file() {
        return Ok(None);
    }
    let range_of_series = !text.contains('/') && text.contains("..");
    if ![ALL, OLDEST, NEWEST].contains(&text) && !text.contains(',') && !range_of_series {
        return Ok(None);
    }
    let mut names: Vec<String> = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        if image(item)?.is_some() {
            names.push(item.to_owned());
            continue;
        }
        match item.split_once("..") {
            _ if item == ALL => {
                // Last: where the distribution's own is one of the series too, it is better known by that name.
                let (own, others): (Vec<_>, Vec<_>) =
                    matrix.kernel.iter().map(|entry| entry.series.clone()).partition(|series| series == DISTRIBUTION);
                names.extend(others.into_iter().chain(own));
            }
            None if item == OLDEST => {
                names.extend(range(matrix, "", "")?.into_iter().min_by_key(|series| version(series)));
            }
            None if item == NEWEST => {
                names.extend(range(matrix, "", "")?.into_iter().max_by_key(|series| version(series)));
            }
            Some((from, to)) => names.extend(range(matrix, from.trim(), to.trim())?),
            None => names.push(matrix.find(item)?.series.clone()),
        }
    }
    ensure!(!names.is_empty(), "`{text}` names no kernel");
    let mut once = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    Ok(Some(once))
}

/// The series from one to another by their versions; what has none is in no range.
fn range(matrix: &Matrix, from: &str, to: &str) -> Result<Vec<String>> {
    let end = |name: &str| -> Result<Option<(u32, u32)>> {
        if name.is_empty() {
            return Ok(None);
        }
        match version(name) {
            Some(version) => Ok(Some(version)),
            None => bail!("`{name}` cannot be the end of a range: expected a version such as 6.12"),
        }
    };
    let (first, last) = (end(from)?, end(to)?);
    let inside =
        |version: (u32, u32)| first.is_none_or(|first| first <= version) && last.is_none_or(|last| version <= last);
    let found: Vec<String> = matrix
        .kernel
        .iter()
        .filter(|entry| entry.series != DISTRIBUTION && entry.series != HOST)
        .filter(|entry| version(&entry.series).is_some_and(inside))
        .map(|entry| entry.series.clone())
        .collect();
    ensure!(!found.is_empty(), "no kernel of ci/kernels.toml lies in {from}..{to}");
    Ok(found)
}

/// `6.12` as numbers that compare.
fn version(series: &str) -> Option<(u32, u32)> {
    let (major, minor) = series.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::workspace::Workspace;

    fn chosen(text: &str) -> Option<Vec<String>> {
        let matrix = Matrix::load(&Workspace::locate()).expect("the list is valid");
        several(&matrix, text).expect("it can be understood")
    }

    #[test]
    fn one_kernel_is_no_list() {
        for one in ["auto", "host", "5.10", "/boot/vmlinuz-6.1", "../bzImage", "guest"] {
            assert_eq!(chosen(one), None, "{one}");
        }
    }

    #[test]
    fn an_image_may_stand_in_a_list_and_have_a_comma_in_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let image = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "").expect("a file");
            path.display().to_string()
        };
        let (plain, comma) = (image("bzImage"), image("a,b"));
        assert_eq!(chosen(&comma), None, "one image");
        assert_eq!(chosen(&format!("5.10,{plain},host,{plain}")).expect("a list"), ["5.10", &plain, "host"]);
    }

    #[test]
    fn lists_and_ranges_may_be_mixed_and_nothing_comes_twice() {
        assert_eq!(chosen("host,5.10").expect("a list"), ["host", "5.10"]);
        assert_eq!(chosen("6.18..7.0").expect("a range"), ["6.18", "6.19", "7.0"]);
        assert_eq!(chosen("..6.1,6.1").expect("a range"), ["5.10", "6.1"]);
        assert_eq!(chosen("newest,oldest").expect("two words"), ["7.3", "5.10"]);
        assert_eq!(chosen("oldest").expect("a word"), ["5.10"]);
        let all = chosen("all").expect("all");
        assert!(all.len() >= 12 && all.contains(&HOST.to_owned()));
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let matrix = Matrix::load(&Workspace::locate()).expect("the list is valid");
        for wrong in ["5.10,2.6", "8.0..9.0", "new..old", ",", "5.10,./nowhere/bzImage"] {
            assert!(several(&matrix, wrong).is_err(), "{wrong}");
        }
    }
}
