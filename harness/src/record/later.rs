//! What takes a while to find out and is not always asked for: begun beforehand, or when it is first asked for.
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

/// A value that is made once.
pub(super) struct Later<T> {
    make: fn() -> T,
    made: OnceLock<T>,
    making: Mutex<Option<JoinHandle<T>>>,
}

impl<T: Send + 'static> Later<T> {
    /// Nothing is done yet.
    pub(super) fn new(make: fn() -> T) -> Self {
        Self { make, made: OnceLock::new(), making: Mutex::new(None) }
    }

    /// It is there already.
    pub(super) fn made(value: T) -> Self
    where
        T: Default,
    {
        Self { make: T::default, made: OnceLock::from(value), making: Mutex::new(None) }
    }

    /// Has it made by a thread of its own, if nobody has begun.
    pub(super) fn begin(&self) {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.made.get().is_none() && making.is_none() {
            *making = Some(thread::spawn(self.make));
        }
    }

    /// The value; waits for it.
    pub(super) fn get(&self) -> &T {
        self.made.get_or_init(|| {
            let making = self.making.lock().unwrap_or_else(PoisonError::into_inner).take();
            making.map_or_else(self.make, joined)
        })
    }
}

/// What a thread has made; its panic is ours.
pub(super) fn joined<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_whether_begun_or_not() {
        for begun in [false, true] {
            let later = Later::new(std::thread::current);
            if begun {
                later.begin();
                later.begin();
            }
            let by = later.get().id();
            assert_eq!(by == std::thread::current().id(), !begun);
            assert_eq!(later.get().id(), by);
        }
    }
}
