//! audit.proto

use gatehouse_api::v1;
use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::audit::{RecordedEvent, Resource, is_type_form};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::field::Malformed;
use gatehouse_domain::id::{CustomerKey, name};
use gatehouse_persistence::{AuditEventFilter, StoreError};
use prost_types::Timestamp;

use super::client_context;
use super::fields::{Fields, only, parse_timestamp, timestamp};
use crate::error::AppError;

/// Each of them is a part of one query.
const MAX_TYPES: usize = 50;

/// The message.
///
/// # Errors
/// [`AppError::Internal`] for a reason that this version cannot tell of: without
/// one, the event would be of something that was not refused.
pub fn message(event: &RecordedEvent) -> Result<v1::AuditEvent, AppError> {
    let name = name::audit_event(event.id);
    let reason = match &event.reason {
        None => v1::ErrorReason::Unspecified,
        Some(reason) => v1::ErrorReason::from_str_name(reason)
            .ok_or_else(|| StoreError::Corrupt { table: "audit_event", id: name.clone() })?,
    };
    let (key, key_name) = event.caller.api_key.clone().unzip();
    let client = Some(&event.client).filter(|client| **client != ClientContext::default());
    Ok(v1::AuditEvent {
        name,
        event_time: Some(timestamp(event.at)),
        r#type: event.kind.clone(),
        resource: resource_name(&event.resource),
        api_key: key.map(name::api_key).unwrap_or_default(),
        claimed_actor: event.caller.claimed_actor.clone(),
        client: client.map(client_context::message),
        reason: reason.into(),
        request_id: event.caller.request_id.clone(),
        api_key_display_name: key_name.unwrap_or_default(),
        caller_address: event.caller.address.map(|at| at.to_string()).unwrap_or_default(),
        attributes: event.attributes.clone().into_iter().collect(),
    })
}

fn resource_name(resource: &Resource) -> String {
    let Some(portal) = &resource.portal else { return String::new() };
    let Some(customer) = &resource.customer else { return name::portal(portal) };
    let key = CustomerKey::new(portal.clone(), customer.clone());
    resource.session.map_or_else(|| name::customer(&key), |session| name::session(&key, session))
}

/// What the events are to be about: decides alone, before the other fields are
/// read. Nothing, where the request names nothing.
///
/// # Errors
/// [`AppError::RequestInvalid`].
pub fn resource(filter: Option<&v1::AuditEventFilter>) -> Result<Resource, AppError> {
    let text = filter.map_or("", |filter| &filter.resource);
    if text.is_empty() {
        return Ok(Resource::default());
    }
    only("filter.resource", parse_resource(text))
}

fn parse_resource(text: &str) -> Result<Resource, Malformed> {
    if let Ok(portal) = name::parse_portal(text) {
        return Ok(Resource { portal: Some(portal), ..Resource::default() });
    }
    let (key, session) = match name::parse_session(text) {
        Ok((key, session)) => (key, Some(session)),
        Err(_) => match name::parse_customer(text) {
            Ok(key) => (key, None),
            Err(_) => return Err(Malformed("must be the name of a portal, customer or session")),
        },
    };
    Ok(Resource { portal: Some(key.portal), customer: Some(key.customer), session })
}

/// Which events about `resource`, of those that a key for `scope` sees, whenever they were.
pub fn filter(
    fields: &mut Fields,
    filter: Option<v1::AuditEventFilter>,
    resource: Resource,
    scope: &PortalScope,
) -> AuditEventFilter {
    let v1::AuditEventFilter { types, api_key, .. } = filter.unwrap_or_default();
    if types.len() > MAX_TYPES {
        fields.note("filter.types", "at most 50");
    } else {
        for (at, _) in types.iter().enumerate().filter(|(_, words)| !is_type_form(words)) {
            fields.note(&format!("filter.types[{at}]"), "must be a type or the first words of one");
        }
    }
    let api_key = match api_key.as_str() {
        "" => None,
        key => fields.take("filter.api_key", name::parse_api_key(key)),
    };
    AuditEventFilter {
        portals: resource.portal.map_or_else(|| scope.clone(), |id| PortalScope::Some(vec![id])),
        customer: resource.customer,
        session: resource.session,
        types,
        api_key,
        start: None,
        end: None,
    }
}

/// The same events, of the time between these two alone.
pub fn within(
    fields: &mut Fields,
    filter: AuditEventFilter,
    start: Option<&Timestamp>,
    end: Option<&Timestamp>,
) -> AuditEventFilter {
    let start = start.and_then(|at| fields.take("start_time", parse_timestamp(at)));
    let end = end.and_then(|at| fields.take("end_time", parse_timestamp(at)));
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        fields.note("end_time", "must be after start_time");
    }
    AuditEventFilter { start, end, ..filter }
}
