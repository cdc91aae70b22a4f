//! Signals: HUP reads flows and users again, TERM and INT drain, a second one ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::wire::Running;

/// The signals that are listened for.
pub(crate) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from here on; before, the system's default holds.
    pub(crate) fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// TERM or INT.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs until a signal ends it.
pub(crate) async fn until_told(running: Running, mut signals: Signals) {
    loop {
        tokio::select! {
            _ = signals.hangup.recv() => running.reload().await,
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
        }
    }
    tokio::select! {
        () = running.drain() => {}
        () = signals.stop() => tracing::warn!("told again to stop; the calls that are left are cut off"),
    }
    tokio::select! {
        () = running.stop() => {}
        () = signals.stop() => tracing::warn!("told once more to stop; not waiting for the BYEs' answers"),
    }
    tracing::info!("stopped");
}
