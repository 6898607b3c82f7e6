//! A bar: what was measured, and what it must reach.
use serde::Serialize;

/// Which side of the bar is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No less.
    AtLeast,
    /// No more.
    AtMost,
}

/// One bar.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// What is measured.
    pub name: &'static str,
    /// The median.
    pub measured: f64,
    /// Which side is good.
    pub limit: Limit,
    /// What it must reach.
    #[serde(rename = "bar")]
    pub reach: f64,
    /// How far medians of the same thing lie apart here, as a share: a miss by less says nothing.
    pub spread: f64,
    /// Whether it is reached, or missed by no more than the spread.
    pub held: bool,
    /// What the number is in.
    pub unit: &'static str,
}

impl Bar {
    /// Compares.
    pub fn new(
        name: &'static str,
        measured: f64,
        (limit, reach): (Limit, f64),
        spread: f64,
        unit: &'static str,
    ) -> Self {
        let held = match limit {
            Limit::AtLeast => measured >= reach * (1.0 - spread),
            Limit::AtMost => measured <= reach * (1.0 + spread),
        };
        Self { name, measured, limit, reach, spread, held, unit }
    }

    /// Whether it is reached, or missed by no more than the spread.
    pub fn held(&self) -> bool {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_within_the_spread_is_held() {
        let held = |measured, limit, spread| Bar::new("", measured, limit, spread, "").held();
        assert!(held(0.8, (Limit::AtLeast, 0.85), 0.1) && !held(0.8, (Limit::AtLeast, 0.85), 0.01));
        assert!(held(1.25, (Limit::AtMost, 1.2), 0.1) && !held(1.25, (Limit::AtMost, 1.2), 0.0));
        assert!(!held(1.0, (Limit::AtMost, 0.0), 0.5), "of nothing there is no share");
    }
}
