//! What the kernels on the two sides of a change have of that which a case rests on: the functions and members that it
//! names, and its probes. What differs of the first two the change itself says.
use std::collections::BTreeSet;

use serde::Serialize;

use crate::case::Probe;
use crate::render::matrix::{Change, Feature, FeatureKind, Matrix};
use crate::render::screen::probe_name;

/// The two kernels of a change beside each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sides {
    /// What the kernel before the change is called.
    pub before: String,
    /// And the one after it.
    pub after: String,
    /// Functions and members that both have alike, each with what it is.
    pub alike: Vec<(String, String)>,
    /// The probes that the case rests on.
    pub probes: Vec<Attached>,
}

/// How a probe is attached on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// The probe.
    pub probe: String,
    /// The candidate that won before the change, `none` if none did; nothing if that is not known.
    pub before: Option<String>,
    /// And after it.
    pub after: Option<String>,
}

/// The sides of a change in a matrix of one case.
pub(super) fn sides(matrix: &Matrix, change: &Change, probes: &BTreeSet<Probe>) -> Sides {
    let on = |place: usize| move |feature: &Feature| feature.cells[place].clone();
    let (before, after) = (on(change.before), on(change.from));
    let (attached, landmarks): (Vec<_>, Vec<_>) =
        matrix.features.iter().partition(|feature| feature.kind == FeatureKind::Probe);
    let alike = landmarks.into_iter().filter(|feature| before(feature) == after(feature));
    let names: BTreeSet<String> = probes.iter().map(|probe| probe_name(*probe)).collect();
    // One that only one side lacks, where the case is skipped, the change has told already.
    let told = |name: &str| change.differs.iter().any(|text| text.starts_with(&format!("probe {name}:")));
    let attached = attached.into_iter().filter(|feature| names.contains(&feature.name) && !told(&feature.name));
    Sides {
        before: matrix.kernels[change.before].name.clone(),
        after: matrix.kernels[change.from].name.clone(),
        alike: alike.filter_map(|feature| Some((feature.name.clone(), after(feature)?))).collect(),
        probes: attached
            .map(|feature| Attached { probe: feature.name.clone(), before: before(feature), after: after(feature) })
            .collect(),
    }
}

impl Attached {
    /// Whether the same way is taken on both sides.
    pub(super) fn is_alike(&self) -> bool {
        self.before == self.after
    }
}
