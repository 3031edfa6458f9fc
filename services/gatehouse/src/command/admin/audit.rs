//! `gatehouse admin audit`.

use std::error::Error;

use clap::{Args, Subcommand};
use gatehouse_api::v1::{AuditEvent, AuditEventFilter, ErrorReason, ListAuditEventsRequest};
use prost_types::Timestamp;

use super::connection::Connection;
use super::names::{CustomerRef, ResourceRef};
use super::output::{DEFAULT_LIMIT, Output, id, limit, pages, time, value};
use super::tail::{self, Tail};

#[derive(Args, Clone)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Audit {
    #[command(subcommand)]
    tail: Option<Command>,
    #[command(flatten)]
    which: Which,
    /// Not before, as 2026-12-24T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Before
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Events at most, the newest of them
    #[arg(long, default_value_t = DEFAULT_LIMIT, value_parser = limit)]
    limit: usize,
}

#[derive(Clone, Subcommand)]
enum Command {
    /// Print events as they happen, until Ctrl-C; a portal of this name is portals/tail
    Tail(Tail),
}

/// Which events.
#[derive(Args, Clone)]
pub(super) struct Which {
    /// Of a portal, portal/email or portal/id and all below; of everything without it
    #[arg(value_parser = audited)]
    of: Option<ResourceRef>,
    /// Of this customer and all below: the same as to name them without the flag
    #[arg(long, value_name = "PORTAL/EMAIL", conflicts_with = "of")]
    customer: Option<CustomerRef>,
    /// A type of event or the beginning of one: mfa, sign_in.failed; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// What was done with this key: its id, as `admin keys list` prints it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// What is meant for `gatehouse audit` is not taken for a portal that has no events.
fn audited(text: &str) -> Result<ResourceRef, String> {
    if ["verify", "head", "export"].contains(&text) {
        return Err(format!(
            "`gatehouse audit {text}` checks and copies the trail, beside the database; a portal \
             of this name is portals/{text}"
        ));
    }
    text.parse().map_err(str::to_owned)
}

impl Which {
    /// As the server takes it. An email is looked up.
    pub(super) async fn filter(
        self,
        connection: &mut Connection,
    ) -> Result<AuditEventFilter, Box<dyn Error>> {
        let resource = match self.of.or(self.customer.map(ResourceRef::Customer)) {
            Some(of) => of.name(connection).await?,
            None => String::new(),
        };
        let api_key = self.key.map_or_else(String::new, |key| format!("apiKeys/{}", id(&key)));
        Ok(AuditEventFilter { resource, types: self.types, api_key })
    }
}

/// Prints events in the order in which they happened.
pub(super) async fn run(
    connection: &mut Connection,
    output: Output,
    audit: Audit,
) -> Result<(), Box<dyn Error>> {
    let Audit { tail, which, since, until, limit } = audit;
    if let Some(Command::Tail(tail)) = tail {
        return tail::run(connection, output, tail).await;
    }
    let request = ListAuditEventsRequest {
        filter: Some(which.filter(connection).await?),
        start_time: since,
        end_time: until,
        ..ListAuditEventsRequest::default()
    };
    let mut events = pages!(connection.list_audit_events(request).audit_events, limit);
    events.reverse();
    output.list(&HEADINGS, &events, row)
}

/// Of what [`row`] gives.
pub(super) const HEADINGS: [&str; 6] = ["time", "event", "about", "by", "from", "why"];

/// An event for people.
pub(super) fn row(event: &AuditEvent) -> Vec<String> {
    vec![
        time(event.event_time.as_ref()),
        event.r#type.clone(),
        event.resource.clone(),
        by(event),
        from(event),
        why(event),
    ]
}

/// The key, and who is said to have used it.
fn by(event: &AuditEvent) -> String {
    let key = match (event.api_key_display_name.as_str(), id(&event.api_key)) {
        ("", key) => key.to_owned(),
        (name, key) => format!("{name} ({key})"),
    };
    if event.claimed_actor.is_empty() {
        return key;
    }
    // The key is known, the name is what its holder said: it stands last, so that it can
    // pass for nothing else.
    format!("{key} for {}", event.claimed_actor)
}

/// The customer's address where the portal told it, else the caller's.
fn from(event: &AuditEvent) -> String {
    let client = event.client.as_ref().map_or("", |client| client.ip_address.as_str());
    if client.is_empty() { event.caller_address.clone() } else { client.to_owned() }
}

fn why(event: &AuditEvent) -> String {
    let reason = (event.reason() != ErrorReason::Unspecified)
        .then(|| value(event.reason().as_str_name(), "ERROR_REASON_"));
    let mut attributes: Vec<_> = event.attributes.iter().collect();
    attributes.sort();
    let attributes = attributes.into_iter().map(|(name, value)| format!("{name}={value}"));
    reason.into_iter().chain(attributes).collect::<Vec<_>>().join(" ")
}
