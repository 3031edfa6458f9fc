//! The end, asked for from outside.

use std::future::Future;
use std::io;
use std::process::exit;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ready at the first SIGTERM or SIGINT from now on. A second one ends the
/// process at once.
///
/// # Errors
/// If the operating system refuses the handlers.
pub fn requested() -> io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        either(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            tracing::warn!("ending at once");
            exit(1);
        });
    })
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
