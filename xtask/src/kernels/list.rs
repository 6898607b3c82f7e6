//! `cargo xtask kernels list`: one line for each kernel of the matrix.

use super::{
    apt::Apt,
    check,
    matrix::{Entry, Matrix},
    store,
};
use crate::{process::say, progress::Activity, workspace::Workspace};

/// What is said of one kernel.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    series: String,
    here: String,
    size: String,
    btf: String,
    kprobes: String,
    offered: String,
}

/// Prints the list; asks the mirror unless that is not wanted.
pub fn list(workspace: &Workspace, matrix: &Matrix, offline: bool) {
    let mut rows = vec![];
    for entry in &matrix.kernel {
        let activity = Activity::begin(format!("asking for {}", entry.series));
        rows.push(row(workspace, entry, offline));
        drop(activity);
    }
    let head = Row {
        series: "series".into(),
        here: "fetched".into(),
        size: "image".into(),
        btf: "BTF".into(),
        kprobes: "kprobes".into(),
        offered: if offline { "what it adds".into() } else { "the mirror offers".into() },
    };
    say!("{}", head.line());
    for row in &rows {
        say!("{}", row.line());
    }
    if rows.iter().any(|row| row.btf == UNKNOWN) {
        say!("\n{UNKNOWN}  not asked yet: `cargo xtask kernels check` boots a kernel and asks it");
    }
}

const UNKNOWN: &str = "?";

fn row(workspace: &Workspace, entry: &Entry, offline: bool) -> Row {
    let mut row = Row { series: entry.series.clone(), here: "-".into(), size: "-".into(), ..Row::default() };
    if offline {
        row.offered.clone_from(&entry.why);
    }
    if !entry.is_guest() {
        row.here = "running".into();
        return row;
    }
    if let Some(kernel) = store::fetched(workspace, entry) {
        let can = check::remembered(workspace, entry, &kernel);
        let word = |it: bool| if it { "yes" } else { "no" }.to_owned();
        row.here.clone_from(&kernel.version);
        row.size = megabytes(kernel.bytes);
        row.btf = can.as_ref().map_or_else(|| UNKNOWN.into(), |can| word(can.btf));
        row.kprobes = can.as_ref().map_or_else(|| UNKNOWN.into(), |can| word(can.kprobes));
    }
    if !offline {
        let offer = Apt::open(workspace, entry).and_then(|apt| {
            let package = apt.newest(&entry.package)?;
            let size = apt.size(&package).map_or_else(String::new, |bytes| format!(", {}", megabytes(bytes)));
            let without = if apt.modules_of(&package)?.is_some() { "" } else { ", without modules" };
            Ok(format!("{package}{size}{without}"))
        });
        row.offered = offer.unwrap_or_else(|error| format!("nothing: {error:#}"));
    }
    row
}

impl Row {
    fn line(&self) -> String {
        let Self { series, here, size, btf, kprobes, offered } = self;
        format!("{series:<12} {here:<19} {size:>7}  {btf:<3} {kprobes:<7} {offered}").trim_end().to_owned()
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_lines_end_without_spaces() {
        let head = Row { series: "series".into(), here: "fetched".into(), btf: "BTF".into(), ..Row::default() };
        let row = Row { series: "6.12".into(), here: "6.12.117-1~deb12u1".into(), btf: "yes".into(), ..Row::default() };
        assert_eq!(head.line().find("BTF"), row.line().find("yes"));
        assert_eq!(row.line(), row.line().trim_end());
        assert_eq!(megabytes(12_345_678), "12.3 MB");
    }
}
