//! `gatehouse admin keys`.

use std::error::Error;
use std::io::{self, Write};

use clap::{Subcommand, ValueEnum};
use gatehouse_api::v1::api_key::Grant;
use gatehouse_api::v1::{
    AdminGrant, AdminRole, ApiKey, CreateApiKeyRequest, ListApiKeysRequest, PortalAccess,
    PortalGrant, RevokeApiKeyRequest,
};
use prost_types::Timestamp;

use super::connection::{Connection, answer};
use super::names::PortalRef;
use super::output::{DEFAULT_LIMIT, Output, id, limit, note, pages, time, value};

#[derive(Clone, Subcommand)]
pub(super) enum Keys {
    /// The keys, without their secrets
    List {
        /// Rows at most
        #[arg(long, default_value_t = DEFAULT_LIMIT, value_parser = limit)]
        limit: usize,
    },
    /// Make a key for administrators and print its secret, the only time that it is shown
    CreateAdmin {
        /// What people call it
        display_name: String,
        /// What it may do
        #[arg(long)]
        role: Role,
        /// The portals that it may see; every one without it
        #[arg(long = "portal", value_name = "PORTAL")]
        portals: Vec<PortalRef>,
        /// When it ends, as 2026-12-24T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<Timestamp>,
    },
    /// Make a key for a portal's backend and print its secret, the only time that it is shown
    CreatePortal {
        /// What people call it
        display_name: String,
        /// Whose customers it signs in
        #[arg(long)]
        portal: PortalRef,
        /// Everything, or ValidateSession alone
        #[arg(long)]
        access: Access,
        /// When it ends, as 2026-12-24T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<Timestamp>,
    },
    /// End a key at once
    Revoke {
        /// Its id, as `list` prints it
        key: String,
    },
}

/// What an administrator's key may do.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Role {
    Viewer,
    Support,
    Admin,
    Owner,
}

/// What a portal's key may do.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Access {
    Validate,
    Full,
}

pub(super) async fn run(
    connection: &mut Connection,
    output: Output,
    command: Keys,
) -> Result<(), Box<dyn Error>> {
    match command {
        Keys::List { limit } => {
            let request = ListApiKeysRequest::default();
            let keys = pages!(connection.list_api_keys(request).api_keys, limit);
            let headings = ["key", "display name", "may", "last used", "ends"];
            output.list(&headings, &keys, |key| {
                let last_used = time(key.last_used_time.as_ref());
                vec![
                    id(&key.name).to_owned(),
                    key.display_name.clone(),
                    may(key),
                    last_used,
                    end(key),
                ]
            })
        }
        Keys::CreateAdmin { display_name, role, portals, expires } => {
            let role = match role {
                Role::Viewer => AdminRole::Viewer,
                Role::Support => AdminRole::Support,
                Role::Admin => AdminRole::Admin,
                Role::Owner => AdminRole::Owner,
            };
            let portals = if portals.is_empty() {
                vec!["portals/-".to_owned()]
            } else {
                portals.iter().map(PortalRef::name).collect()
            };
            let grant = Grant::Admin(AdminGrant { role: role.into(), portals });
            create(connection, display_name, grant, expires).await
        }
        Keys::CreatePortal { display_name, portal, access, expires } => {
            let access = match access {
                Access::Validate => PortalAccess::Validate,
                Access::Full => PortalAccess::Full,
            };
            let grant = Grant::Portal(PortalGrant { portal: portal.name(), access: access.into() });
            create(connection, display_name, grant, expires).await
        }
        Keys::Revoke { key } => {
            let name = format!("apiKeys/{}", id(&key));
            output.confirm(&format!("end {name}"))?;
            let request = RevokeApiKeyRequest { name };
            let done = answer(connection.revoke_api_key(request).await)?;
            let key = done.api_key.unwrap_or_default();
            Ok(note(&format!("{} ({}) has ended", key.name, key.display_name))?)
        }
    }
}

async fn create(
    connection: &mut Connection,
    display_name: String,
    grant: Grant,
    expire_time: Option<Timestamp>,
) -> Result<(), Box<dyn Error>> {
    let api_key = ApiKey { display_name, grant: Some(grant), expire_time, ..ApiKey::default() };
    let request = CreateApiKeyRequest { api_key: Some(api_key) };
    let made = answer(connection.create_api_key(request).await)?;
    let key = made.api_key.unwrap_or_default();
    note(&format!("{} ({}) may {}", key.name, key.display_name, may(&key)))?;
    Ok(writeln!(io::stdout(), "{}", made.secret)?)
}

fn may(key: &ApiKey) -> String {
    match &key.grant {
        Some(Grant::Admin(grant)) => {
            let portals: Vec<_> = grant.portals.iter().map(|portal| id(portal)).collect();
            format!(
                "{} of {}",
                value(grant.role().as_str_name(), "ADMIN_ROLE_"),
                portals.join(", ")
            )
        }
        Some(Grant::Portal(grant)) => {
            let access = value(grant.access().as_str_name(), "PORTAL_ACCESS_");
            format!("{access} at {}", id(&grant.portal))
        }
        None => String::new(),
    }
}

fn end(key: &ApiKey) -> String {
    match (&key.revoke_time, &key.expire_time) {
        (Some(revoked), _) => format!("revoked {}", time(Some(revoked))),
        (None, expires) => time(expires.as_ref()),
    }
}
