//! Reading what the kernel changes by itself meanwhile, such as the queues of a connection whose timers run.

/// How often something is read before it is said to change all the time.
const TRIES: usize = 16;

/// Reads until two readings in a row are the same: one that was overtaken by a change may have followed a pointer that was
/// none any more, found no memory there, or seen half of the change.
pub(super) fn steady<T: PartialEq>(mut read: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let mut last = read();
    for _ in 1..TRIES {
        let next = read();
        if next.is_ok() && next == last {
            return next;
        }
        last = next;
    }
    last.and_then(|_| Err(format!("no two of {TRIES} readings in a row were the same: it changes all the time")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(readings: &[Result<u32, &str>]) -> (Result<u32, String>, usize) {
        let mut taken = 0;
        let found = steady(|| {
            taken += 1;
            readings[(taken - 1) % readings.len()].map_err(str::to_owned)
        });
        (found, taken)
    }

    #[test]
    fn what_stands_still_is_read_twice() {
        assert_eq!(read(&[Ok(7)]), (Ok(7), 2));
    }

    #[test]
    fn a_reading_that_was_overtaken_is_made_again() {
        assert_eq!(read(&[Err("no memory"), Ok(1), Ok(2), Ok(2)]), (Ok(2), 4));
        assert_eq!(read(&[Ok(1), Err("no memory"), Ok(1), Ok(1)]), (Ok(1), 4));
    }

    #[test]
    fn what_is_never_the_same_twice_is_an_error_and_so_is_what_cannot_be_read() {
        let (changing, taken) = read(&[Ok(1), Ok(2)]);
        assert!(changing.is_err_and(|why| why.contains("changes all the time")));
        assert_eq!(taken, TRIES);
        assert_eq!(read(&[Err("no memory")]), (Err("no memory".to_owned()), TRIES));
    }
}
