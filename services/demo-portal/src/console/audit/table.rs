//! Events as rows.

use gatehouse_api::v1::{AuditEvent, ErrorReason};
use maud::{Markup, html};

use super::words;
use crate::console::parts;
use crate::console::resource::{customer_id, customer_path};

/// Whom a table tells of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subjects {
    /// Whoever they happened to.
    All,
    /// The customer whose page it is on.
    One,
}

/// A table of events.
pub fn table(events: &[AuditEvent], subjects: Subjects) -> Markup {
    html! {
        @if events.is_empty() { p { "There are no such events." } }
        @else {
            div class="table" {
                table aria-label="Events" {
                    thead {
                        tr {
                            th scope="col" { "Time" }
                            th scope="col" { "What" }
                            @if subjects == Subjects::All { th scope="col" { "Customer" } }
                            th scope="col" { "By" }
                            th scope="col" { "From" }
                        }
                    }
                    tbody { @for event in events { (row(event, subjects)) } }
                }
            }
        }
    }
}

fn row(event: &AuditEvent, subjects: Subjects) -> Markup {
    html! {
        tr {
            td data-label="Time" { (parts::moment_or(event.event_time, "")) }
            td data-label="What" { (what(event)) }
            @if subjects == Subjects::All { td data-label="Customer" { (customer(event)) } }
            td data-label="By" { (by(event)) }
            td data-label="From" { (from(event)) }
        }
    }
}

fn what(event: &AuditEvent) -> Markup {
    let mut attributes = event.attributes.iter().collect::<Vec<_>>();
    attributes.sort();
    html! {
        strong { (words::of_type(&event.r#type)) }
        @if event.reason() != ErrorReason::Unspecified {
            " " span class="badge bad" { (words::of_reason(event.reason())) }
        }
        @for (key, value) in attributes {
            @if !value.is_empty() {
                br;
                span class="hint" { (key.replace('_', " ")) ": " (value.replace(',', ", ")) }
            }
        }
    }
}

fn customer(event: &AuditEvent) -> Markup {
    html! {
        @if let Some(id) = customer_id(&event.resource) { a href=(customer_path(id)) { (id) } }
    }
}

/// The key is what gatehouse knows; whom it acts for is what its holder said.
fn by(event: &AuditEvent) -> Markup {
    html! {
        @if event.api_key.is_empty() { "gatehouse itself" }
        @else { (event.api_key_display_name) }
        @if !event.claimed_actor.is_empty() {
            br;
            span class="hint" { "for " (event.claimed_actor) " (claimed)" }
        }
    }
}

/// The customer's device, or else who called.
fn from(event: &AuditEvent) -> Markup {
    let client = event.client.clone().unwrap_or_default();
    html! {
        @if client.ip_address.is_empty() { (event.caller_address) }
        @else { (client.ip_address) }
    }
}
