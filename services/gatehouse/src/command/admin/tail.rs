//! `gatehouse admin audit tail`: the trail as it grows.

use std::error::Error;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use clap::Args;
use gatehouse_api::v1::{WatchAuditEventsRequest, WatchAuditEventsResponse};
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;
use tokio::time::{sleep, timeout};
use tonic::{Status, Streaming};

use super::audit::{HEADINGS, Which, row};
use super::connection::{Connection, Refused, answer};
use super::output::{Output, note_unless_full};
use crate::command::is_broken_pipe;
use crate::shutdown;

/// Columns of a table whose rows are not known yet.
const WIDTHS: [usize; HEADINGS.len()] = [20, 26, 40, 28, 16, 0];
/// Three signs of life that did not come.
const SILENCE: Duration = Duration::from_secs(90);
/// Between two tries to go on, at first and at most.
const RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(5);

#[derive(Args, Clone)]
pub(super) struct Tail {
    #[command(flatten)]
    which: Which,
    /// Go on where an earlier one ended, by the token that it printed
    #[arg(long, value_name = "TOKEN")]
    since_token: Option<String>,
}

/// Prints events as they come until it is asked to end, or nobody reads what it prints. It goes
/// on by itself where the stream breaks off.
pub(super) async fn run(
    connection: &mut Connection,
    output: Output,
    tail: Tail,
) -> Result<(), Box<dyn Error>> {
    let end = shutdown::requested()?;
    let filter = tail.which.filter(connection).await?;
    let mut request = WatchAuditEventsRequest {
        filter: Some(filter),
        resume_token: tail.since_token.unwrap_or_default(),
    };
    let ended = tokio::select! {
        ended = follow(connection, output, &mut request) => ended,
        () = end => Ok(()),
        () = reader_gone() => Ok(()),
    };
    match ended {
        Err(error) if is_broken_pipe(&*error) => {}
        ended => ended?,
    }
    if !request.resume_token.is_empty() {
        let token = &request.resume_token;
        note_unless_full(&format!("to go on from here: --since-token {token}")).await?;
    }
    Ok(())
}

/// Prints without an end; `request` holds the token after the last event that was printed.
async fn follow(
    connection: &mut Connection,
    output: Output,
    request: &mut WatchAuditEventsRequest,
) -> Result<(), Box<dyn Error>> {
    // A server that is not there, or refuses it, is no reason to wait for one that does not.
    let mut stream = answer(connection.watch_audit_events(request.clone()).await)?;
    output.begin(&WIDTHS, &HEADINGS).await?;
    loop {
        let broken = Refused::of(print(&mut stream, output, request).await?);
        if !broken.passes() {
            return Err(broken.into());
        }
        note_unless_full(&format!("{}; going on", broken.on_the_way())).await?;
        let mut wait = RETRY;
        stream = loop {
            sleep(wait).await;
            match answer(connection.watch_audit_events(request.clone()).await) {
                Err(refused) if refused.passes() => wait = (wait * 2).min(MAX_RETRY),
                stream => break stream?,
            }
        };
    }
}

/// Prints what `stream` tells; gives how it broke off.
async fn print(
    stream: &mut Streaming<WatchAuditEventsResponse>,
    output: Output,
    request: &mut WatchAuditEventsRequest,
) -> Result<Status, Box<dyn Error>> {
    loop {
        let message = match timeout(SILENCE, stream.message()).await {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) => return Ok(Status::unavailable("the stream came to its end")),
            Ok(Err(status)) => return Ok(status),
            Err(_) => return Ok(Status::unavailable("the server is silent")),
        };
        output.go_on(&WIDTHS, &message.audit_events, row).await?;
        request.resume_token = message.resume_token;
    }
}

/// Ready once nobody reads standard output any more, without a write that would tell.
async fn reader_gone() {
    // Left to block as it does: it is written to elsewhere. A file cannot be waited for, nor does
    // it need a reader.
    let out = io::stdout().as_fd().try_clone_to_owned().and_then(Sender::from_owned_fd_unchecked);
    if let Ok(out) = out
        && out.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
