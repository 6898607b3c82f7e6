//! Ctrl-C, and a request to terminate: the first one cancels, the second ends the process at once.
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Exit;
use crate::record::Cancel;

/// Signals so near to each other are one wish: a terminal and `timeout` send theirs to the process and to its group.
const ONCE: Duration = Duration::from_millis(300);

/// What is cancelled when the user wants to stop.
pub(in crate::cli) fn watch() -> anyhow::Result<Cancel> {
    let flag = Cancel::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start watching for Ctrl-C")?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        let watch = |kind| signal(kind).context("failed to watch for Ctrl-C");
        (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?)
    };
    let set = flag.clone();
    thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let mut asked = None;
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    if set.is_cancelled() && asked.is_some_and(|asked: Instant| asked.elapsed() > ONCE) {
                        std::process::exit(i32::from(Exit::Interrupted as u8));
                    }
                    asked.get_or_insert_with(Instant::now);
                    set.cancel();
                }
            });
        })
        .context("failed to start watching for Ctrl-C")?;
    Ok(flag)
}
