//! The one value that every report is rendered from.
use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wakeproof_servers::Defect;

use super::excerpt::{Excerpt, excerpts};
use super::picture::{Picture, pictures};
use crate::case::{Claim, ClaimVerdict, Grade};
use crate::load::LoadedCase;
use crate::recording::{Kernel, Landmarks, ProbeReport, Recording};
use crate::verdict::{ClaimResult, Outcome, Verdict};

/// The version of the shape of [`Results`]; a reader refuses others.
pub const VERSION: u32 = 1;

/// What came out of a suite on one kernel.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// [`VERSION`].
    pub version: u32,
    /// Which kernel.
    pub kernel: Kernel,
    /// The evidence grade that could be had.
    pub grade: Grade,
    /// How each probe was attached.
    pub probes: Vec<ProbeReport>,
    /// One for each case, in the order in which they ended.
    pub verdicts: Vec<Verdict>,
    /// What the verdicts point to, by case id: quotes and events. A case that did not run has none.
    pub exhibits: IndexMap<String, Exhibit>,
    /// Cases that were selected and did not come to run, because the suite was interrupted.
    pub unfinished: Vec<String>,
    /// Wall time of the suite in milliseconds.
    pub millis: u64,
    /// Why nothing but results of system calls was seen, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<String>,
    /// The mistake that was put into the servers of the cases, to see them fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
    /// The file, or the folder of recordings, that they were read from: no part of what is written.
    #[serde(skip)]
    pub from: Option<PathBuf>,
}

/// The folder that files inside the command are shown in.
const INSIDE: &str = "cases";

/// What a verdict points to.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Exhibit {
    /// The case's claims, with their quotes.
    pub claims: Vec<Claim>,
    /// The case file, as it was named when it was read.
    #[serde(default)]
    pub file: String,
    /// Where expectations (by name), claims (by id) and the control stand in it: lines from 1.
    #[serde(default)]
    pub lines: BTreeMap<String, usize>,
    /// Who is connected to whom, as a drawing.
    #[serde(default)]
    pub wiring: String,
    /// What the control does otherwise.
    #[serde(default)]
    pub control: String,
    /// For each run of the recording, what a report may show of it.
    pub runs: Vec<Excerpt>,
    /// What the run that the verdict points to looks like, and its control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
    /// How many events were recorded.
    pub recorded: u64,
    /// How many events were lost, by kind.
    pub lost: BTreeMap<String, u64>,
    /// What the kernel has of that which the case rests on.
    #[serde(default, skip_serializing_if = "Landmarks::is_empty")]
    pub landmarks: Landmarks,
}

impl Exhibit {
    /// What is worth showing of a case and its recording.
    pub fn new(loaded: &LoadedCase, recording: Option<&Recording>, verdict: &Verdict) -> Self {
        let case = loaded.case();
        let mut exhibit = Self {
            file: loaded.file().to_owned(),
            lines: lines(loaded),
            claims: case.claims.clone(),
            wiring: case.wiring.clone(),
            control: case.control.title.clone(),
            ..Self::default()
        };
        let Some(recording) = recording else { return exhibit };
        exhibit.runs = excerpts(recording, verdict);
        exhibit.landmarks = recording.head.landmarks.clone();
        exhibit.pictures = pictures(recording, verdict);
        for account in recording.runs.iter().flat_map(|run| &run.head.accounts) {
            exhibit.recorded += account.delivered;
            if account.lost > 0 {
                *exhibit.lost.entry(account.kind.clone()).or_default() += account.lost;
            }
        }
        exhibit
    }

    /// The folder of cases that the case was read from; none if it was inside the command.
    pub(super) fn folder(&self, case: &str) -> Option<&str> {
        let folder = self.file.strip_suffix(".yaml")?.strip_suffix(case)?.trim_end_matches('/');
        (folder != INSIDE).then_some(if folder.is_empty() { "." } else { folder })
    }

    /// The claim with this id.
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }
}

/// Where the parts of a case stand that something may be said of.
fn lines(case: &LoadedCase) -> BTreeMap<String, usize> {
    let line = |path: &[&str]| case.place(path.iter().copied()).line;
    let claims = case.case().claims.iter().enumerate();
    let claims = claims.map(|(place, claim)| (claim.id.clone(), line(&["claims", &place.to_string(), "id"])));
    let expectations = case.case().expect.keys().map(|name| (name.clone(), line(&["expect", name])));
    claims.chain(expectations).chain([("control".to_owned(), line(&["control"]))]).collect()
}

/// How many claims became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The literal sentence holds.
    pub confirmed: usize,
    /// True with a correction.
    pub refined: usize,
    /// A counter-example was shown.
    pub refuted: usize,
    /// No run can decide it.
    pub undecidable: usize,
    /// It was decided, and is nothing of that.
    pub failed: usize,
    /// It could have been decided, but not here or not this time.
    pub undecided: usize,
}

impl Counts {
    fn add(&mut self, claim: &ClaimResult) {
        match claim.found {
            Some(ClaimVerdict::Confirmed) => self.confirmed += 1,
            Some(ClaimVerdict::Refined) => self.refined += 1,
            Some(ClaimVerdict::Refuted) => self.refuted += 1,
            Some(ClaimVerdict::Undecidable) => self.undecidable += 1,
            None if claim.failed() => self.failed += 1,
            None => self.undecided += 1,
        }
    }
}

impl Results {
    /// No results yet.
    pub fn new(kernel: Kernel, grade: Grade, probes: Vec<ProbeReport>) -> Self {
        Self {
            version: VERSION,
            kernel,
            grade,
            probes,
            verdicts: Vec::new(),
            exhibits: IndexMap::new(),
            unfinished: Vec::new(),
            millis: 0,
            blind: None,
            defect: None,
            from: None,
        }
    }

    /// How many cases ended how, only those outcomes that there are.
    pub fn outcomes(&self) -> BTreeMap<Outcome, usize> {
        let mut outcomes = BTreeMap::new();
        for verdict in &self.verdicts {
            *outcomes.entry(verdict.outcome).or_default() += 1;
        }
        outcomes
    }

    /// What became of the claims.
    pub fn claims(&self) -> Counts {
        let mut counts = Counts::default();
        self.verdicts.iter().flat_map(|verdict| &verdict.claims).for_each(|claim| counts.add(claim));
        counts
    }

    /// The refuted claims with their cases, each once.
    pub fn refuted(&self) -> impl Iterator<Item = (&Verdict, &ClaimResult)> {
        self.verdicts.iter().flat_map(|verdict| {
            verdict
                .claims
                .iter()
                .filter(|claim| claim.found == Some(ClaimVerdict::Refuted))
                .map(move |claim| (verdict, claim))
        })
    }

    /// Events recorded, and events lost.
    pub fn events(&self) -> (u64, u64) {
        self.exhibits.values().fold((0, 0), |(recorded, lost), exhibit| {
            (recorded + exhibit.recorded, lost + exhibit.lost.values().sum::<u64>())
        })
    }

    /// What the kernel has of that which the cases rest on.
    pub fn landmarks(&self) -> Landmarks {
        let mut landmarks = Landmarks::default();
        self.exhibits.values().for_each(|exhibit| landmarks.extend(&exhibit.landmarks));
        landmarks
    }

    /// The cases that were skipped, in whole or in part, by reason, in the order of their first appearance.
    pub fn skips(&self) -> IndexMap<&str, Vec<&Verdict>> {
        let mut skips: IndexMap<&str, Vec<&Verdict>> = IndexMap::new();
        for verdict in self.verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Skip || in_part(verdict)) {
            skips.entry(verdict.reason.as_deref().unwrap_or("no reason given")).or_default().push(verdict);
        }
        skips
    }
}

/// Whether it passed without an expectation that could not be decided here.
fn in_part(verdict: &Verdict) -> bool {
    verdict.outcome == Outcome::Pass && verdict.reason.is_some()
}
