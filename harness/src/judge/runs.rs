//! The runs of a recording, each with its point of the sweep and its measures.
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::measure::{measure, results};
use super::outcome::Problems;
use super::value::Reading;
use super::{Gap, fit};
use crate::case::{Case, Grade, Measure, Step, Value};
use crate::load::{LoadedCase, Point, Predicate};
use crate::recording::{End, Half, Recording, Run};

/// A measure, taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) value: Result<Reading, Gap>,
    /// Places of the first events.
    pub(super) events: Vec<usize>,
    pub(super) grade: Grade,
}

/// A run, ready for predicates.
#[derive(Debug)]
pub(super) struct Scored {
    /// Place in the recording.
    pub(super) place: usize,
    pub(super) half: Half,
    /// The values of swept parameters.
    pub(super) point: Point,
    /// The values of all parameters.
    pub(super) values: Point,
    pub(super) taken: IndexMap<String, Taken>,
    pub(super) results: BTreeMap<String, Json>,
}

/// All runs that can be judged, or the reason why none can.
#[derive(Debug)]
pub(super) struct Runs {
    scored: Vec<Scored>,
    /// Points of the subject that the machine has no room for, and why.
    left_out: Vec<(Point, String)>,
    pub(super) unfit: Option<Gap>,
}

impl Runs {
    pub(super) fn read(loaded: &LoadedCase, recording: &Recording, problems: &mut Problems) -> Self {
        let case = loaded.case();
        let unfit = |gap: Gap| Self { scored: Vec::new(), left_out: Vec::new(), unfit: Some(gap) };
        if recording.head.grade < case.grade {
            let why =
                format!("it needs evidence of grade {}, and there is only {} here", case.grade, recording.head.grade);
            problems.gap("the case", &Gap::Missing(why.clone()));
            return unfit(Gap::Missing(why));
        }
        if let Some(why) = missing(loaded, recording) {
            problems.broken(why.clone());
            return unfit(Gap::Wrong(why));
        }
        let before = problems.len();
        for run in &recording.runs {
            ended(run, case, problems);
            // What stops the case stops its control, too: the case is what there is to say.
            if problems.len() > before {
                break;
            }
        }
        if problems.len() > before {
            return unfit(Gap::Wrong(problems.last().to_owned()));
        }
        if let Some(gap) = none_left(recording) {
            problems.gap("the case", &gap);
            return unfit(gap);
        }
        let many = many(loaded);
        let mut scored: Vec<Scored> = Vec::new();
        let mut left_out = Vec::new();
        for (place, run) in recording.runs.iter().enumerate() {
            if let End::LeftOut { why } = &run.head.end {
                if run.head.half == Half::Subject {
                    left_out.push((swept(case, &run.head.point), why.clone()));
                }
                continue;
            }
            match score(place, run, loaded, &many, recording, problems) {
                Ok(run) => scored.push(run),
                Err(gap) => {
                    problems.broken(gap.why().to_owned());
                    return unfit(gap);
                }
            }
        }
        for (name, measure) in &case.measure {
            if let Measure::Fit(of) = measure {
                fits(name, &of.of, &of.over, &mut scored);
            }
        }
        Self { scored, left_out, unfit: None }
    }

    /// Why there is no run of the subject at a point with these values, if it was left out.
    pub(super) fn why_left_out(&self, values: &[(&String, &Value)]) -> Option<&str> {
        let here = |point: &Point| values.iter().all(|(name, value)| point.get(*name) == Some(value));
        self.left_out.iter().find(|(point, _)| here(point)).map(|(_, why)| why.as_str())
    }

    pub(super) fn of(&self, half: Half) -> impl Iterator<Item = &Scored> {
        self.scored.iter().filter(move |run| run.half == half)
    }

    pub(super) fn subject(&self) -> impl Iterator<Item = &Scored> {
        self.of(Half::Subject)
    }
}

/// The first run that there should be and is not.
fn missing(loaded: &LoadedCase, recording: &Recording) -> Option<String> {
    for &half in loaded.halves() {
        for point in loaded.points() {
            let values = loaded.values(half, &point);
            if !recording.runs.iter().any(|run| run.head.half == half && run.head.point == values) {
                return Some(format!(
                    "the recording has no run of the {}{}",
                    name(half),
                    at(&swept(loaded.case(), &values))
                ));
            }
        }
    }
    None
}

/// Why a half has no run at all that could be judged: the machine has no room for any.
fn none_left(recording: &Recording) -> Option<Gap> {
    [Half::Subject, Half::Control].into_iter().find_map(|half| {
        let mut ends = recording.runs.iter().filter(|run| run.head.half == half).map(|run| &run.head.end);
        match ends.next() {
            Some(End::LeftOut { why }) if ends.all(|end| matches!(end, End::LeftOut { .. })) => {
                Some(Gap::Missing(why.clone()))
            }
            _ => None,
        }
    })
}

/// A run that did not come to its end.
fn ended(run: &Run, case: &Case, problems: &mut Problems) {
    let whose = format!("the {}{}", name(run.head.half), at(&swept(case, &run.head.point)));
    match (&run.head.end, run.head.half) {
        (End::Complete | End::LeftOut { .. }, _) => {}
        (End::Timeout { step, why }, Half::Subject) => {
            problems.timeout(format!("{whose} did not come to its end: {step}: {why}"));
        }
        (End::Timeout { step, why }, Half::Control) => {
            problems.broken(format!("{whose} did not come to its end, so it is no control: {step}: {why}"));
        }
        (End::Broken { step, why }, _) => problems.broken(format!("{whose} could not be run: {step}: {why}")),
    }
}

fn score(
    place: usize,
    run: &Run,
    loaded: &LoadedCase,
    many: &[String],
    recording: &Recording,
    problems: &mut Problems,
) -> Result<Scored, Gap> {
    let head = &run.head;
    let case = loaded.resolve(head.half, &head.point).map_err(|error| Gap::Wrong(error.to_string()))?;
    let measured = measure(run, &case, &recording.head);
    let point = swept(loaded.case(), &head.point);
    if let Some(why) = measured.idle {
        problems.broken(format!("in the {}{}: {why}", name(head.half), at(&point)));
    }
    let mut taken = measured.taken;
    for (name, states) in &head.states {
        let value = match states.as_slice() {
            [one] if !loaded.is_many(name) => one.clone(),
            all => Json::Array(all.to_vec()),
        };
        let grade = if inspected(&case.steps, name) { Grade::Trace } else { Grade::Surface };
        taken.insert(name.clone(), Taken { value: Ok(value.into()), events: Vec::new(), grade });
    }
    let given = head.results.iter().map(|(name, calls)| (name.clone(), results(calls, loaded.is_many(name))));
    let none = many.iter().map(|name| (name.clone(), Json::Array(Vec::new())));
    // What was given stands in place of what was not.
    let results = none.chain(given).collect();
    Ok(Scored { place, half: head.half, point, values: head.point.clone(), taken, results })
}

/// Whether a state was read from kernel memory, and not from `/proc`.
fn inspected(steps: &[Step], name: &str) -> bool {
    steps.iter().any(|step| match step {
        Step::Inspect(inspect) => inspect.name == name,
        Step::Repeat(repeat) => inspected(&repeat.steps, name),
        _ => false,
    })
}

/// The results that are lists, and empty where no call was made: steps that are repeated no time.
fn many(loaded: &LoadedCase) -> Vec<String> {
    let case = loaded.case();
    let claims = case.claims.iter().flat_map(|claim| [&claim.literal, &claim.repaired]).flatten();
    let variables = claims.chain(case.expect.values()).flat_map(|source| Predicate::variables(source));
    variables.filter(|name| loaded.is_many(name)).collect()
}

/// The swept parameters among all.
fn swept(case: &Case, values: &Point) -> Point {
    values
        .iter()
        .filter(|(name, _)| case.sweep.contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Takes a fit: the same value for every run of a series, which differ in `over` only.
fn fits(name: &str, of: &str, over: &str, runs: &mut [Scored]) {
    let mut series: Vec<((Half, Point), Vec<usize>)> = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        let key = (run.half, without(&run.point, over));
        match series.iter_mut().find(|(known, _)| *known == key) {
            Some((_, places)) => places.push(place),
            None => series.push((key, vec![place])),
        }
    }
    for (_, places) in &series {
        let fit = fit(of, over, places.iter().map(|&place| &runs[place]));
        for &place in places {
            runs[place].taken.insert(name.to_owned(), fit.clone());
        }
    }
}

/// The class of one series, with the grade of what it is made of.
fn fit<'a>(of: &str, over: &str, series: impl Iterator<Item = &'a Scored>) -> Taken {
    let mut grade = Grade::Surface;
    let mut point = |run: &Scored| {
        let (name, field) = of.split_once('.').map_or((of, None), |(name, field)| (name, Some(field)));
        let taken = run.taken.get(name).ok_or_else(|| Gap::Wrong(format!("there is no measure `{name}`")))?;
        grade = grade.max(taken.grade);
        let value = taken.value.as_ref().map_err(Clone::clone)?;
        let count = match (field, value) {
            (None, reading) => reading.count(),
            (Some(field), Reading::Plain(json)) => Reading::from(json[field].clone()).count(),
            (Some(_), Reading::Chains { .. }) => None,
        };
        match (run.point.get(over), count) {
            (Some(Value::Int(size)), Some(count)) => Ok((float(*size), float(count))),
            _ => Err(Gap::Wrong(format!("`{of}` over `{over}` is no series of numbers"))),
        }
    };
    let points: Result<Vec<_>, Gap> = series.map(&mut point).collect();
    let value = points.and_then(|points| {
        let growth =
            fit::growth(&points).ok_or_else(|| Gap::Wrong(format!("a fit needs at least three values of `{over}`")))?;
        serde_json::to_value(growth).map(Reading::from).map_err(|error| Gap::Wrong(error.to_string()))
    });
    Taken { value, events: Vec::new(), grade }
}

/// A point without one parameter.
pub(super) fn without(point: &Point, name: &str) -> Point {
    let mut point = point.clone();
    point.remove(name);
    point
}

#[expect(clippy::cast_precision_loss, reason = "a class of growth does not need the 53rd bit")]
fn float(number: i64) -> f64 {
    number as f64
}

/// A half in words.
pub(super) fn name(half: Half) -> &'static str {
    match half {
        Half::Subject => "case",
        Half::Control => "control",
    }
}

/// A point of the sweep in words: ` at n = 100, model = poll`.
pub(super) fn at(point: &Point) -> String {
    let value = |value: &Value| match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    };
    let parts: Vec<String> = point.iter().map(|(name, given)| format!("{name} = {}", value(given))).collect();
    if parts.is_empty() { String::new() } else { format!(" at {}", parts.join(", ")) }
}
