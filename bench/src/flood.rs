//! A flood: a million events in a second for two seconds, and a reader that stalls once for a tenth of a second.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde::Serialize;
use wakeproof::case::EventName;
use wakeproof::plan::Wants;
use wakeproof::record::Tap;
use wakeproof_abi::Role;

/// Events in a second.
const RATE: u64 = 1_000_000;
/// How long.
const LENGTH: Duration = Duration::from_secs(2);
/// How long the reader stalls.
const STALL: Duration = Duration::from_millis(100);

/// What became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Flood {
    /// Calls that were made.
    pub made: u64,
    /// Records that were wanted.
    pub fired: u64,
    /// Records that came.
    pub delivered: u64,
    /// Records for which there was no room.
    pub lost: u64,
    /// Events in a second, as they were made.
    pub rate: f64,
}

/// Floods and reads.
pub fn run() -> Result<Flood> {
    let mut tap = Tap::attach(&[EventName::Close])?;
    let wants = Wants::seeing(&[EventName::Close], &tap.capabilities());
    let token = 0x0066_6c6f_6f64;
    tap.begin(&wants, token).map_err(|why| anyhow!(why))?;
    Tap::join(Role::Client, token);
    let (made, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let started = Instant::now();
    let mut took = LENGTH;
    thread::scope(|scope| {
        let maker = scope.spawn(|| {
            made.store(make(), Ordering::Relaxed);
            let took = started.elapsed();
            over.store(true, Ordering::Relaxed);
            took
        });
        let mut stalled = false;
        tap.follow(|tap| {
            // Nobody needs them here, and two million would be a lot of memory.
            drop(tap.take());
            if !stalled && started.elapsed() > LENGTH / 2 {
                stalled = true;
                thread::sleep(STALL);
            }
            !over.load(Ordering::Relaxed)
        });
        took = maker.join().unwrap_or(LENGTH);
    });
    let tapped = tap.end().map_err(|why| anyhow!(why))?;
    let account = tapped.accounts.iter().find(|account| account.kind == "sys_exit");
    let account = account.ok_or_else(|| anyhow!("no call was seen"))?;
    let made = made.into_inner();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = made as f64 / took.as_secs_f64();
    Ok(Flood {
        made,
        fired: account.fired,
        delivered: account.delivered,
        lost: account.fired - account.delivered,
        rate,
    })
}

/// Makes calls that fail, a thousandth of the rate in each millisecond; how many.
fn make() -> u64 {
    let started = Instant::now();
    let mut made = 0;
    while started.elapsed() < LENGTH {
        let due = u64::try_from(started.elapsed().as_micros()).unwrap_or(0) * RATE / 1_000_000;
        while made < due {
            // SAFETY: no descriptor has this number.
            unsafe { libc::close(-1) };
            made += 1;
        }
    }
    made
}
