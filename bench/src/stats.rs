//! Medians and quartiles of a few numbers.
use serde::Serialize;

/// A median with its quartiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// A quarter is below.
    pub p25: f64,
    /// A quarter is above.
    pub p75: f64,
    /// How many numbers it was made of.
    pub of: usize,
}

impl Spread {
    /// Of numbers in any order; of none, zeros.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        numbers.sort_by(f64::total_cmp);
        let at = |share: f64| quantile(&numbers, share);
        Self { median: at(0.5), p25: at(0.25), p75: at(0.75), of: numbers.len() }
    }

    /// How far a quarter of the numbers lie from the median, as a share of it.
    pub fn relative(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.p75 - self.p25) / 2.0 / self.median.abs() }
    }
}

/// Between two neighbours, the straight line.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few numbers")]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_the_quartiles() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0, 5.0]);
        assert_eq!((spread.p25, spread.median, spread.p75, spread.of), (2.0, 3.0, 4.0, 5));
        assert!((spread.relative() - 1.0 / 3.0).abs() < 1e-9);
        assert!((Spread::of([1.0, 2.0]).median - 1.5).abs() < 1e-9);
    }

    #[test]
    fn nothing_and_what_is_no_number_are_left_out() {
        assert_eq!(Spread::of([]), Spread::default());
        assert_eq!(Spread::of([f64::NAN, 7.0]).of, 1);
    }
}
