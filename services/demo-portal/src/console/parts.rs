//! Parts of pages that only the console has.

use gatehouse_api::v1::{Customer, MfaState};
use maud::{Markup, html};

use crate::time;

/// How many rows a page has.
pub const ROWS: i32 = 25;

/// A moment, or what stands in its place.
pub fn moment_or(time: Option<prost_types::Timestamp>, none: &str) -> Markup {
    time::read(time).map_or_else(|| html! { (none) }, time::moment)
}

/// Whether MFA is in force.
pub fn has_factor(customer: &Customer) -> bool {
    customer.mfa.as_ref().is_some_and(|mfa| mfa.state() == MfaState::Enabled)
}

/// MFA in a word.
pub fn mfa_badge(customer: &Customer) -> Markup {
    html! {
        @if has_factor(customer) { span class="badge good" { "Enabled" } }
        @else { span class="badge" { "Not enabled" } }
    }
}

/// What keeps a customer from signing in.
pub fn state_badges(customer: &Customer) -> Markup {
    html! {
        @if customer.suspended { span class="badge bad" { "Suspended" } " " }
        @if customer.lock.is_some() { span class="badge bad" { "Locked" } " " }
        @if !customer.has_password { span class="badge warn" { "Invited" } " " }
        @if !customer.suspended && customer.lock.is_none() && customer.has_password { "Active" }
    }
}

/// The ways to other pages of a list. An empty path: there is none.
pub fn paging(first: &str, next: &str) -> Markup {
    html! {
        @if !first.is_empty() || !next.is_empty() {
            nav class="paging" aria-label="Pages of the list" {
                @if !first.is_empty() { a class="button quiet" href=(first) { "First page" } }
                @if !next.is_empty() { a class="button quiet" href=(next) rel="next" { "Next page" } }
            }
        }
    }
}
