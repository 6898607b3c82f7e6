//! Runs of equal values over the kernels, in words: `up to 6.19: confirmed; from 7.0: refuted`.

/// A value that neighbouring kernels share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch<T> {
    /// The first column.
    pub(crate) first: usize,
    /// The last column.
    pub(crate) last: usize,
    /// The value.
    pub(crate) value: T,
}

/// The stretches of a row; columns without a value end none.
pub(crate) fn stretches<T: PartialEq>(cells: impl IntoIterator<Item = Option<T>>) -> Vec<Stretch<T>> {
    let mut all: Vec<Stretch<T>> = Vec::new();
    for (place, value) in cells.into_iter().enumerate().filter_map(|(place, cell)| Some((place, cell?))) {
        match all.last_mut() {
            Some(stretch) if stretch.value == value => stretch.last = place,
            _ => all.push(Stretch { first: place, last: place, value }),
        }
    }
    all
}

impl<T> Stretch<T> {
    /// Which kernels it is about: `5.10 to 6.19`, or one of them.
    pub(crate) fn kernels(&self, names: &[&str]) -> String {
        let name = |place: usize| names.get(place).copied().unwrap_or_default();
        if self.first == self.last {
            name(self.first).to_owned()
        } else {
            format!("{} to {}", name(self.first), name(self.last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_with_the_same_value_are_one_stretch_whatever_is_missing_between() {
        let all = stretches([Some(1), None, Some(1), Some(2), None]);
        assert_eq!(all, [Stretch { first: 0, last: 2, value: 1 }, Stretch { first: 3, last: 3, value: 2 }]);
        let names = ["5.10", "6.1", "6.12", "7.0"];
        assert_eq!(all[0].kernels(&names), "5.10 to 6.12");
        assert_eq!(all[1].kernels(&names), "7.0");
    }
}
