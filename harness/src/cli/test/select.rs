//! Which cases run.
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
}

impl Selection {
    /// Whether the case of this id is selected.
    pub fn takes(&self, id: &str) -> bool {
        let matches = |filter: &String| if self.exact { id == *filter } else { id.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(matches)) && !self.skip.iter().any(matches)
    }
}
