//! What systemd is told of a server that it starts, by sd_notify(3). Others say nothing to listen to.

use sd_notify::NotifyState;

/// That calls are taken from now on: what was ordered after this server may start.
pub fn tell_ready() {
    tell(NotifyState::Ready);
}

/// That it has begun to end, and does not do so by mistake.
pub fn tell_stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState) {
    // Nothing happens where NOTIFY_SOCKET is not set.
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told how this server is");
    }
}
