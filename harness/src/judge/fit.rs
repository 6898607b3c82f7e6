//! How a count grows with a swept parameter.
//!
//! A class is a curve `a + b·f(n)`, with `f` one of 1, log₂ n, n, n², or `a·cⁿ`. First a curve that is met exactly is looked
//! for, so that `2n` is linear even if it is short. Then one that every point is near to, within 1.5 plus a tenth of the
//! count: constant if that will do, else the nearest. Anything else is irregular.
use crate::case::Growth;

/// One size and what was counted there.
pub(super) type Point = (f64, f64);

/// The class of a series of at least three different sizes; none if there are fewer.
pub(super) fn growth(series: &[Point]) -> Option<Growth> {
    let mut series: Vec<Point> = series.to_vec();
    series.sort_by(|left, right| left.0.total_cmp(&right.0));
    series.dedup_by(|left, right| (left.0 - right.0).abs() < f64::EPSILON);
    if series.len() < 3 {
        return None;
    }
    let curves = [
        (Growth::Constant, straight(&series, |_| 0.0)),
        (Growth::Logarithmic, if series[0].0 > 0.0 { straight(&series, f64::log2) } else { f64::INFINITY }),
        (Growth::Linear, straight(&series, |n| n)),
        (Growth::Quadratic, straight(&series, |n| n * n)),
        (Growth::Exponential, exponential(&series)),
    ];
    let exact = curves.iter().find(|(_, distance)| *distance < EXACT);
    let constant = curves[..1].iter().find(|(_, distance)| *distance <= 1.0);
    let near = curves.iter().filter(|(_, distance)| *distance <= 1.0).min_by(|left, right| left.1.total_cmp(&right.1));
    Some(exact.or(constant).or(near).map_or(Growth::Irregular, |(growth, _)| *growth))
}

/// So near that only rounding is left.
const EXACT: f64 = 1e-6;

/// What a count may differ by from its curve.
fn slack(count: f64) -> f64 {
    1.5 + count.abs() / 10.0
}

/// The greatest distance of a point from the best rising `a + b·f(n)`, in units of what it may differ by.
fn straight(series: &[Point], f: impl Fn(f64) -> f64) -> f64 {
    let points: Vec<(f64, f64, f64)> = series.iter().map(|&(n, y)| (slack(y).powi(-2), f(n), y)).collect();
    let weight: f64 = points.iter().map(|(w, ..)| w).sum();
    let x_mean = points.iter().map(|(w, x, _)| w * x).sum::<f64>() / weight;
    let y_mean = points.iter().map(|(w, _, y)| w * y).sum::<f64>() / weight;
    let spread: f64 = points.iter().map(|(w, x, _)| w * (x - x_mean).powi(2)).sum();
    let together: f64 = points.iter().map(|(w, x, y)| w * (x - x_mean) * (y - y_mean)).sum();
    let slope = if spread > 0.0 { together / spread } else { 0.0 };
    if slope < 0.0 {
        return f64::INFINITY;
    }
    distance(series, |n| y_mean + slope * (f(n) - x_mean))
}

/// The same for `a·cⁿ` with `c` greater than 1.
fn exponential(series: &[Point]) -> f64 {
    if series.iter().any(|point| point.1 <= 0.0) {
        return f64::INFINITY;
    }
    let count = f64::from(u32::try_from(series.len()).unwrap_or(u32::MAX));
    let (n_mean, y_mean) =
        (series.iter().map(|p| p.0).sum::<f64>() / count, series.iter().map(|p| p.1.ln()).sum::<f64>() / count);
    let spread: f64 = series.iter().map(|p| (p.0 - n_mean).powi(2)).sum();
    let slope = series.iter().map(|p| (p.0 - n_mean) * (p.1.ln() - y_mean)).sum::<f64>() / spread;
    if slope <= 0.0 {
        return f64::INFINITY;
    }
    distance(series, |n| (y_mean + slope * (n - n_mean)).exp())
}

fn distance(series: &[Point], curve: impl Fn(f64) -> f64) -> f64 {
    series.iter().map(|&(n, y)| (curve(n) - y).abs() / slack(y)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [f64; 5] = [1.0, 10.0, 100.0, 1000.0, 10000.0];
    const SMALL: [f64; 6] = [2.0, 4.0, 6.0, 8.0, 10.0, 12.0];

    fn class(sizes: &[f64], count: impl Fn(f64) -> f64) -> Growth {
        growth(&sizes.iter().map(|&n| (n, count(n).round())).collect::<Vec<_>>()).expect("three sizes")
    }

    /// One more, one less, in turn.
    fn noisy(sizes: &[f64], count: impl Fn(f64) -> f64) -> Growth {
        let one = |place: usize| if place.is_multiple_of(2) { 1.0 } else { -1.0 };
        growth(&sizes.iter().enumerate().map(|(place, &n)| (n, count(n).round() + one(place))).collect::<Vec<_>>())
            .expect("three")
    }

    #[test]
    fn each_class_is_known_exactly_and_with_noise_of_one() {
        for sizes in [&SIZES[..], &SMALL, &[16.0, 64.0, 256.0]] {
            assert_eq!(class(sizes, |_| 3.0), Growth::Constant);
            assert_eq!(noisy(sizes, |_| 3.0), Growth::Constant);
            assert_eq!(class(sizes, |n| 2.0 * n), Growth::Linear);
            assert_eq!(noisy(sizes, |n| 2.0 * n), Growth::Linear, "{sizes:?}");
            assert_eq!(class(sizes, |n| n * n), Growth::Quadratic);
            assert_eq!(noisy(sizes, |n| n * n), Growth::Quadratic, "{sizes:?}");
        }
        assert_eq!(class(&SMALL, f64::exp2), Growth::Exponential);
        assert_eq!(noisy(&SMALL, f64::exp2), Growth::Exponential);
    }

    #[test]
    fn the_depth_of_a_tree_is_logarithmic() {
        assert_eq!(class(&SIZES, |n| (n + 1.0).log2().ceil()), Growth::Logarithmic);
        assert_eq!(noisy(&[16.0, 64.0, 256.0, 1024.0, 4096.0], |n| 2.0 * n.log2()), Growth::Logarithmic);
    }

    #[test]
    fn short_linear_series_are_not_taken_for_constant() {
        assert_eq!(class(&[1.0, 2.0, 3.0], |n| n), Growth::Linear);
        assert_eq!(class(&[1.0, 2.0, 4.0], |n| 2.0 * n), Growth::Linear);
    }

    #[test]
    fn lower_terms_do_not_change_the_class() {
        assert_eq!(class(&SIZES, |n| 2.0 * n + 3.0), Growth::Linear);
        assert_eq!(class(&SMALL, |n| n * (n + 1.0) / 2.0), Growth::Quadratic);
    }

    #[test]
    fn what_falls_or_jumps_is_irregular_and_two_sizes_say_nothing() {
        assert_eq!(class(&[1.0, 10.0, 100.0], |n| 1000.0 / n), Growth::Irregular);
        assert_eq!(growth(&[(1.0, 5.0), (2.0, 500.0), (3.0, 5.0), (4.0, 500.0)]), Some(Growth::Irregular));
        assert_eq!(growth(&[(1.0, 5.0), (1.0, 5.0), (2.0, 6.0)]), None);
    }
}
