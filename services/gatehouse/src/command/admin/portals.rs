//! `gatehouse admin portals`.

use std::error::Error;

use clap::{ArgAction, Subcommand};
use gatehouse_api::v1::{
    CreatePortalRequest, DeletePortalRequest, GetPortalRequest, ListPortalsRequest, MfaPolicy,
    PolicyImpact, Portal, UpdatePortalRequest,
};
use prost_types::{FieldMask, Timestamp};

use super::connection::{Connection, answer};
use super::names::PortalRef;
use super::output::{DEFAULT_LIMIT, Output, id, limit, note, pages, time};
use crate::command::counted;

#[derive(Clone, Subcommand)]
pub(super) enum Portals {
    /// The portals that the key may see
    List {
        /// Rows at most
        #[arg(long, default_value_t = DEFAULT_LIMIT, value_parser = limit)]
        limit: usize,
    },
    /// One portal with its settings
    Get {
        /// The portal's id
        portal: PortalRef,
    },
    /// Make a portal
    Create {
        /// Its id
        portal: PortalRef,
        /// What people call it
        #[arg(long, value_name = "NAME", default_value = "")]
        display_name: String,
        /// Whether every customer has to set MFA up
        #[arg(long)]
        enforce_mfa: bool,
    },
    /// Enforce MFA, announce it, or end it
    EnforceMfa {
        /// The portal's id
        portal: PortalRef,
        /// Whether
        #[arg(action = ArgAction::Set, default_value_t = true)]
        enforced: bool,
        /// From when on, as 2026-12-24T00:00:00Z; at once without it
        #[arg(long, value_name = "TIME")]
        from: Option<Timestamp>,
        /// Change nothing: say how many customers and sessions it concerns
        #[arg(long)]
        preview: bool,
        /// Also end the sessions that have proven too little
        #[arg(long)]
        end_weaker_sessions: bool,
    },
    /// Delete a portal
    Delete {
        /// The portal's id
        portal: PortalRef,
        /// Its customers as well
        #[arg(long)]
        force: bool,
    },
}

pub(super) async fn run(
    connection: &mut Connection,
    output: Output,
    command: Portals,
) -> Result<(), Box<dyn Error>> {
    match command {
        Portals::List { limit } => {
            let request = ListPortalsRequest::default();
            let portals = pages!(connection.list_portals(request).portals, limit);
            output.list(
                &["portal", "display name", "mfa", "sign-in", "created"],
                &portals,
                |portal| {
                    let Portal { name, display_name, .. } = portal;
                    let created = time(portal.create_time.as_ref());
                    vec![
                        id(name).to_owned(),
                        display_name.clone(),
                        mfa(portal),
                        way_in(portal),
                        created,
                    ]
                },
            )
        }
        Portals::Get { portal } => {
            let request = GetPortalRequest { name: portal.name() };
            let found = answer(connection.get_portal(request).await)?;
            show(output, &found.portal.unwrap_or_default())
        }
        Portals::Create { portal, display_name, enforce_mfa } => {
            let mfa = MfaPolicy { enforced: enforce_mfa, ..MfaPolicy::default() };
            let new = Portal { display_name, mfa: Some(mfa), ..Portal::default() };
            let request =
                CreatePortalRequest { portal_id: portal.id().to_owned(), portal: Some(new) };
            let made = answer(connection.create_portal(request).await)?;
            show(output, &made.portal.unwrap_or_default())
        }
        Portals::EnforceMfa { portal, enforced, from, preview, end_weaker_sessions } => {
            let mfa = MfaPolicy { enforced, enforced_from_time: from, ..MfaPolicy::default() };
            let changed = Portal { name: portal.name(), mfa: Some(mfa), ..Portal::default() };
            let paths = ["mfa.enforced", "mfa.enforced_from_time"].map(str::to_owned).to_vec();
            let request = UpdatePortalRequest {
                portal: Some(changed),
                update_mask: Some(FieldMask { paths }),
                validate_only: preview,
                end_weaker_sessions,
            };
            let done = answer(connection.update_portal(request).await)?;
            note(&consequences(preview, &done.impact.unwrap_or_default()))?;
            show(output, &done.portal.unwrap_or_default())
        }
        Portals::Delete { portal, force } => {
            let name = portal.name();
            // What is confirmed is the portal as it is now.
            let request = GetPortalRequest { name: name.clone() };
            let found = answer(connection.get_portal(request).await)?.portal.unwrap_or_default();
            let customers = if force { " with all of its customers" } else { "" };
            output.confirm(&format!("delete {name}{customers}"))?;
            let request = DeletePortalRequest { name: name.clone(), etag: found.etag, force };
            answer(connection.delete_portal(request).await)?;
            Ok(note(&format!("{name} is deleted"))?)
        }
    }
}

fn show(output: Output, portal: &Portal) -> Result<(), Box<dyn Error>> {
    let lockout = portal.lockout.unwrap_or_default();
    let password = portal.password.unwrap_or_default();
    output.one(
        portal,
        vec![
            ("portal", portal.name.clone()),
            ("display name", portal.display_name.clone()),
            ("mfa", mfa(portal)),
            ("sign-in", way_in(portal)),
            ("password length", password.effective_min_length.to_string()),
            ("failures to lock", lockout.max_failures.map_or_else(String::new, |n| n.to_string())),
            ("created", time(portal.create_time.as_ref())),
            ("updated", time(portal.update_time.as_ref())),
        ],
    )
}

fn mfa(portal: &Portal) -> String {
    match &portal.mfa {
        Some(MfaPolicy { enforced: true, enforced_from_time: Some(from), .. }) => {
            format!("enforced from {}", time(Some(from)))
        }
        Some(MfaPolicy { enforced: true, .. }) => "enforced".to_owned(),
        _ => "optional".to_owned(),
    }
}

fn way_in(portal: &Portal) -> String {
    if portal.saml.is_some() { "saml" } else { "password" }.to_owned()
}

fn consequences(preview: bool, impact: &PolicyImpact) -> String {
    let have = |count| if count == 1 { "has" } else { "have" };
    let (to_enroll, weaker) = (impact.customers_to_enroll, impact.weaker_sessions);
    let whether = if preview { "nothing was changed; it would concern" } else { "it concerns" };
    format!(
        "{whether} {}, of whom {to_enroll} {} to set MFA up, and {} that {} proven less",
        counted(impact.customers, "customer"),
        have(to_enroll),
        counted(weaker, "session"),
        have(weaker),
    )
}
