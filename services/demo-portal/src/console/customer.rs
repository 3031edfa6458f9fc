//! One customer: how they stand, and what can be done for them.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use gatehouse_api::v1::{
    AuditEventFilter, Customer, CustomerLock, GetCustomerRequest, ListAuditEventsRequest,
    ListSessionsRequest, UnlockCustomerRequest, UpdateCustomerRequest,
};
use maud::{Markup, html};
use prost_types::FieldMask;

use super::audit::{self, Subjects};
use super::errors::Errors;
use super::new_customer;
use super::notice::{self, Done};
use super::parts;
use super::refused::Refused;
use super::resource::{self, customer_path, path_with};
use super::sessions::{self, Of};
use super::{Console, frame};
use crate::page::{facts, link_button, post, quiet_button};
use crate::web::see_other;

/// How many of the latest events the page shows.
const EVENTS: i32 = 10;

/// The page.
pub async fn page(
    State(console): State<Console>,
    Path(id): Path<String>,
    Query(query): Query<notice::Query>,
) -> Result<Response, Refused> {
    let name = resource::customer(console.portal, &id);
    let customer = get(&console, &name).await?;
    let (mut for_sessions, mut for_events) = (console.admin.clone(), console.admin.clone());
    let sessions = ListSessionsRequest { parent: name.clone(), ..ListSessionsRequest::default() };
    let events = ListAuditEventsRequest {
        filter: Some(AuditEventFilter { resource: name, ..AuditEventFilter::default() }),
        page_size: EVENTS,
        ..ListAuditEventsRequest::default()
    };
    let (sessions, events) = tokio::try_join!(
        for_sessions.list_sessions(sessions),
        for_events.list_audit_events(events)
    )?;
    let sessions = sessions.into_inner().sessions;
    let all_events = path_with("/audit", &[("customer", customer.email.as_str())]);
    let body = html! {
        (query.show(&console))
        div class="card wide" { (state(&customer)) }
        section class="part" {
            h2 { "Sessions" }
            (sessions::table(&sessions, Of::Customer))
            @if !sessions.is_empty() {
                (post(&format!("/customers/{id}/sessions/end"), &quiet_button("End all sessions")))
            }
        }
        section class="part" {
            h2 { "Latest events" }
            (audit::table(&events.into_inner().audit_events, Subjects::One))
            p { (link_button(&all_events, "All events")) }
        }
    };
    let page = frame("/customers").page_with(&customer.email, &gear(&id, &customer), &body);
    Ok(Errors::default().answer(page))
}

/// A customer by name.
///
/// # Errors
/// What gatehouse refuses, such as a name that nobody has.
pub async fn get(console: &Console, name: &str) -> Result<Customer, Refused> {
    let request = GetCustomerRequest { name: name.to_owned() };
    Ok(console.admin.clone().get_customer(request).await?.into_inner().customer.unwrap_or_default())
}

/// Ends a lock.
pub async fn unlock(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let name = resource::customer(console.portal, &id);
    console.admin.clone().unlock_customer(UnlockCustomerRequest { name }).await?;
    Ok(see_other(&Done::Unlocked.told_at(&customer_path(&id))))
}

/// Suspends.
pub async fn suspend(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    set_suspended(&console, &id, true).await?;
    Ok(see_other(&Done::Suspended.told_at(&customer_path(&id))))
}

/// Ends a suspension.
pub async fn reinstate(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    set_suspended(&console, &id, false).await?;
    Ok(see_other(&Done::Reinstated.told_at(&customer_path(&id))))
}

async fn set_suspended(console: &Console, id: &str, suspended: bool) -> Result<(), Refused> {
    // Without an etag: whatever else was changed meanwhile, this is what was asked for.
    let name = resource::customer(console.portal, id);
    let request = UpdateCustomerRequest {
        customer: Some(Customer { name, suspended, ..Customer::default() }),
        update_mask: Some(FieldMask { paths: vec!["suspended".to_owned()] }),
    };
    console.admin.clone().update_customer(request).await?;
    Ok(())
}

/// Sends an invitation.
pub async fn invite(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    new_customer::invite(&console, &resource::customer(console.portal, &id)).await?;
    Ok(see_other(&Done::Invited.told_at(&customer_path(&id))))
}

/// What can be done, behind the gear.
fn gear(id: &str, customer: &Customer) -> Markup {
    let path = customer_path(id);
    let action = |word: &str, name| post(&format!("{path}/{word}"), &quiet_button(name));
    html! {
        details class="gear" {
            summary aria-label="Actions" title="Actions" { "⚙" }
            div {
                a class="button quiet" href={ (path) "/reset" } { "Reset Portal MFA" }
                @if customer.lock.is_some() { (action("unlock", "Unlock")) }
                (action("invite", "Send invitation"))
                @if customer.suspended { (action("reinstate", "Reinstate")) }
                @else { (action("suspend", "Suspend")) }
            }
        }
    }
}

fn state(customer: &Customer) -> Markup {
    let mfa = customer.mfa.clone().unwrap_or_default();
    let factor = mfa.factors.first();
    let mut all =
        vec![("Name", html! { (customer.display_name) }), ("State", parts::state_badges(customer))];
    if let Some(lock) = &customer.lock {
        all.push(("Locked", locked(lock)));
    }
    all.push(("MFA", parts::mfa_badge(customer)));
    if let Some(factor) = factor {
        all.push((
            "Authenticator",
            html! {
                "Since " (parts::moment_or(factor.create_time, "an unknown time"))
                ", last used: " (parts::moment_or(factor.last_used_time, "never"))
            },
        ));
        all.push(("Backup codes left", html! { (mfa.backup_codes_remaining) }));
    } else if mfa.enforced {
        all.push(("To do", html! { "Has to set up MFA at the next sign-in" }));
    } else if mfa.enroll_by_time.is_some() {
        all.push(("To do", html! {
            "Has to set up MFA at the first sign-in from " (parts::moment_or(mfa.enroll_by_time, ""))
        }));
    }
    let password = if customer.has_password { "Set" } else { "None: needs an invitation" };
    all.push(("Password", html! { (password) }));
    all.push(("Last sign-in", parts::moment_or(customer.last_sign_in_time, "Never")));
    all.push(("Added", parts::moment_or(customer.create_time, "")));
    facts(&all)
}

fn locked(lock: &CustomerLock) -> Markup {
    html! {
        (lock.failures) " wrong codes in a row; until "
        (parts::moment_or(lock.until_time, "an administrator unlocks"))
    }
}
