//! Which cases run.
use std::str::FromStr;

use clap::Args;

/// The flags that select cases, with libtest's meaning.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Run the cases whose id contains one of these: `epoll/`, `select/the-system-call-watches-descriptor-1500`.
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// A filter is a whole id.
    #[arg(long)]
    pub exact: bool,
    /// Leave out the cases whose id contains this (can be given again).
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Run only this part of the selected cases, for several machines: `2/5`, or several parts as `2-3/5`. `wakeproof
    /// merge` joins what they find.
    #[arg(long, value_name = "PART/PARTS")]
    pub shard: Option<Shard>,
}

/// Some of the equal parts of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    first: usize,
    last: usize,
    parts: usize,
}

impl Shard {
    /// Whether the element at this place belongs to it. Neighbours go to different parts, as they take equally long.
    pub fn takes(self, place: usize) -> bool {
        (self.first..=self.last).contains(&(place % self.parts + 1))
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<usize>().ok();
        let read = || {
            let (which, parts) = text.split_once('/')?;
            let (first, last) = which.split_once('-').unwrap_or((which, which));
            Some(Self { first: number(first)?, last: number(last)?, parts: number(parts)? })
        };
        let sound = |shard: &Self| 1 <= shard.first && shard.first <= shard.last && shard.last <= shard.parts;
        read().filter(sound).ok_or_else(|| "expected a part of the whole, such as 1/3 or 2-3/3".to_owned())
    }
}

impl Selection {
    /// Whether the case of this id is selected.
    pub fn takes(&self, id: &str) -> bool {
        let matches = |filter: &String| if self.exact { id == *filter } else { id.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(matches)) && !self.skip.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_and_together_everything() {
        for parts in 1..6 {
            for place in 0..20 {
                let taking =
                    (1..=parts).filter(|part| format!("{part}/{parts}").parse::<Shard>().expect("a part").takes(place));
                assert_eq!(taking.count(), 1, "{place} of {parts}");
                assert!(format!("1-{parts}/{parts}").parse::<Shard>().expect("all parts").takes(place));
            }
        }
    }

    #[test]
    fn what_is_no_part_is_refused_with_an_example() {
        for text in ["", "1", "0/3", "4/3", "3-2/3", "1/0", "a/b", "-1/3"] {
            let error = text.parse::<Shard>().expect_err(text);
            assert!(error.contains("1/3"), "{error}");
        }
    }
}
