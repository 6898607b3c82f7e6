//! A system call that is ready to be made, by the cell itself or by an actor's thread.
use nix::errno::Errno;

use super::failure::name;
use super::wait::now;
use crate::recording::{CallResult, Ready};

/// A call with everything that it needs: nothing is looked up any more.
pub struct Call {
    /// What it does, for people: `write to near`.
    pub what: String,
    /// The system call's number.
    pub number: i64,
    /// The name of its result.
    pub result: Option<String>,
    /// Whether it may sleep without end.
    pub sleeps: bool,
    /// The call.
    pub make: Box<dyn FnOnce() -> Returned + Send>,
}

impl Call {
    /// The call, made after others that must succeed.
    pub fn after(self, first: Vec<Self>) -> Self {
        if first.is_empty() {
            return self;
        }
        let make = self.make;
        let all = move || {
            for call in first {
                if let Some(trouble) = (call.make)().trouble {
                    return Returned::refused(format!("{}: {trouble}", call.what));
                }
            }
            make()
        };
        Self { make: Box::new(all), ..self }
    }
}

/// What came of a call.
#[derive(Debug, Default)]
pub struct Returned {
    /// For the report.
    pub result: CallResult,
    /// Whether it was interrupted by a signal.
    pub interrupted: bool,
    /// Why it did not do what it was made for, if it did not.
    pub trouble: Option<String>,
}

impl Returned {
    /// Takes a system call's return value at once, before anything else can change errno.
    pub fn take(ret: impl Into<i64>) -> Self {
        let (ret, errno, time) = (ret.into(), Errno::last(), now());
        if ret >= 0 {
            return Self { result: CallResult { ret, time, ..CallResult::default() }, ..Self::default() };
        }
        Self {
            result: CallResult { ret: -1, errno: Some(format!("{errno:?}")), time, ..CallResult::default() },
            interrupted: errno == Errno::EINTR,
            trouble: Some(name(errno)),
        }
    }

    /// A call that could not even be asked.
    pub fn refused(why: String) -> Self {
        let result = CallResult { ret: -1, refused: Some(why.clone()), time: now(), ..CallResult::default() };
        Self { result, trouble: Some(why), ..Self::default() }
    }

    /// Whether the call succeeded and reported something.
    pub fn reported(&self) -> usize {
        usize::try_from(self.result.ret).unwrap_or(0)
    }

    /// Adds what a wait call reported.
    pub fn with(mut self, ready: Vec<Ready>) -> Self {
        self.result.ready = ready;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(trouble: Option<&str>) -> Call {
        let trouble = trouble.map(str::to_owned);
        let make = move || Returned { trouble, ..Returned::take(7) };
        Call { what: "a call".into(), number: 0, result: None, sleeps: false, make: Box::new(make) }
    }

    #[test]
    fn a_call_is_made_only_if_those_before_it_succeed() {
        assert_eq!((call(None).after(vec![call(None), call(None)]).make)().result.ret, 7);
        let returned = (call(None).after(vec![call(None), call(Some("no memory"))]).make)();
        assert_eq!(returned.trouble.as_deref(), Some("a call: no memory"));
        assert_eq!(returned.result.ret, -1);
    }
}
