//! The trail as lines of JSON, each of which can be checked without the database.

use gatehouse_domain::audit::{ChainDigest, ChainEnd, ChainedEvent, StoredEvent};
use gatehouse_domain::field::Malformed;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::vault::KeyId;
use gatehouse_persistence::{Store, StoreError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Events that are read at once.
const PAGE: u64 = 1_000;

/// Why a line is not one of an export.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is no such object.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A digest or a key id.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// An id.
    #[error(transparent)]
    Id(#[from] uuid::Error),
}

/// Which events to export.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// From this number on.
    pub from: i64,
    /// Up to this number.
    pub to: Option<i64>,
    /// Of this portal alone.
    pub portal: Option<PortalId>,
}

/// An event with its place in the chain: the columns of `audit_event` under their names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    number: i64,
    /// Of the event before it.
    previous: String,
    digest: String,
    /// The key of the ring; none for a digest of an earlier version.
    key: Option<String>,
    id: String,
    event_at: i64,
    kind: String,
    portal_id: Option<String>,
    customer_id: Option<String>,
    session_id: Option<String>,
    api_key_id: Option<String>,
    api_key_display_name: String,
    claimed_actor: String,
    caller_address: String,
    request_id: String,
    client_ip: String,
    client_user_agent: String,
    reason: Option<String>,
    attributes: String,
}

impl Line {
    /// What the chain was before the event, and the event.
    pub(super) fn parse(text: &str) -> Result<(ChainEnd, ChainedEvent), LineError> {
        let line: Self = serde_json::from_str(text)?;
        let uuid = |id: Option<String>| id.map(|id| id.parse::<Uuid>()).transpose();
        let before =
            ChainEnd { number: line.number.saturating_sub(1), digest: line.previous.parse()? };
        let event = StoredEvent {
            id: line.id.parse()?,
            event_at: line.event_at,
            kind: line.kind,
            portal_id: line.portal_id,
            customer_id: line.customer_id,
            session_id: uuid(line.session_id)?,
            api_key_id: uuid(line.api_key_id)?,
            api_key_display_name: line.api_key_display_name,
            claimed_actor: line.claimed_actor,
            caller_address: line.caller_address,
            request_id: line.request_id,
            client_ip: line.client_ip,
            client_user_agent: line.client_user_agent,
            reason: line.reason,
            attributes: line.attributes,
        };
        let key = line.key.map(|key| key.parse::<KeyId>()).transpose()?;
        let digest = Some(line.digest.parse()?);
        Ok((before, ChainedEvent { number: line.number, digest, key, event: Some(event) }))
    }

    /// Of an event that can be read.
    fn new(previous: ChainDigest, event: ChainedEvent) -> Option<Self> {
        let ChainedEvent { number, digest, key, event } = event;
        let event = event?;
        Some(Self {
            number,
            previous: previous.to_string(),
            // What is no digest in the database is one that cannot be right.
            digest: digest.unwrap_or(ChainEnd::START.digest).to_string(),
            key: key.map(|key| key.to_string()),
            id: event.id.to_string(),
            event_at: event.event_at,
            kind: event.kind,
            portal_id: event.portal_id,
            customer_id: event.customer_id,
            session_id: event.session_id.map(|id| id.to_string()),
            api_key_id: event.api_key_id.map(|id| id.to_string()),
            api_key_display_name: event.api_key_display_name,
            claimed_actor: event.claimed_actor,
            caller_address: event.caller_address,
            request_id: event.request_id,
            client_ip: event.client_ip,
            client_user_agent: event.client_user_agent,
            reason: event.reason,
            attributes: event.attributes,
        })
    }
}

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be written.
    #[error("the export")]
    Write(#[from] std::io::Error),
    /// An event was changed.
    #[error(
        "the event {0} cannot be exported: a column of it was changed to what no server writes; \
         see `gatehouse audit verify`, and export what is around it by --to and --from"
    )]
    Unreadable(i64),
    /// The trail cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the numbered events that are selected, one a line, in the order of their numbers, as
/// they stand in the database, also while servers number and remove them. Goes through all
/// between the two numbers, whatever the portal. Gives how many were written.
///
/// # Errors
/// [`ExportError`].
pub async fn export(
    store: &Store,
    selection: &Selection,
    out: &mut impl std::io::Write,
) -> Result<u64, ExportError> {
    let mut written = 0;
    let mut before = start(store).await?;
    // With the one before the first, for its digest.
    let mut after = Some(selection.from.saturating_sub(2).max(before.number));
    'pages: loop {
        let events = store.read().numbered_events(after, PAGE).await?;
        let Some(last) = events.last() else { break };
        after = Some(last.number);
        for event in events {
            if selection.to.is_some_and(|to| event.number > to) {
                break 'pages;
            }
            if event.number != before.number.saturating_add(1) {
                // Retention may have gone on since it was asked, also past this one.
                let start = start(store).await?;
                if start.number > before.number {
                    before = start;
                }
                if event.number <= start.number {
                    continue;
                }
            }
            let digest = event.digest.unwrap_or(ChainEnd::START.digest);
            let end = ChainEnd { number: event.number, digest };
            let portal = selection.portal.as_ref().map(PortalId::as_str);
            // What cannot be read may be of any.
            let is_of_portal = event
                .event
                .as_ref()
                .is_none_or(|event| portal.is_none() || portal == event.portal_id.as_deref());
            if event.number >= selection.from && is_of_portal {
                let line = Line::new(before.digest, event);
                let line = line.ok_or(ExportError::Unreadable(end.number))?;
                serde_json::to_writer(&mut *out, &line).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
                written += 1;
            }
            before = end;
        }
    }
    out.flush()?;
    Ok(written)
}

/// Where the trail begins by what retention has noted.
async fn start(store: &Store) -> Result<ChainEnd, StoreError> {
    let start = store.read().trail_start().await?;
    Ok(start.map_or(ChainEnd::START, |start| start.removed))
}
