//! `gatehouse admin sessions`.

use std::error::Error;

use clap::Subcommand;
use gatehouse_api::v1::{ListSessionsRequest, RevokeSessionsRequest};

use super::connection::{Connection, answer};
use super::names::ResourceRef;
use super::output::{DEFAULT_LIMIT, Output, limit, note, pages, time, value};
use crate::command::counted;

#[derive(Clone, Subcommand)]
pub(super) enum Sessions {
    /// The live sessions of a customer or of a portal
    List {
        /// portal, portal/email or portal/id
        of: ResourceRef,
        /// Rows at most
        #[arg(long, default_value_t = DEFAULT_LIMIT, value_parser = limit)]
        limit: usize,
    },
    /// End a session, a customer's sessions or a portal's
    Revoke {
        /// A session's name, portal/email, portal/id or portal
        of: ResourceRef,
    },
}

pub(super) async fn run(
    connection: &mut Connection,
    output: Output,
    command: Sessions,
) -> Result<(), Box<dyn Error>> {
    match command {
        Sessions::List { of, limit } => {
            let name = of.name(connection).await?;
            let parent = if matches!(of, ResourceRef::Portal(_)) {
                format!("{name}/customers/-")
            } else {
                name
            };
            let request = ListSessionsRequest { parent, ..ListSessionsRequest::default() };
            let found = pages!(connection.list_sessions(request).sessions, limit);
            let headings =
                ["session", "email", "proven", "created", "last used", "expires", "from", "with"];
            output.list(&headings, &found, |session| {
                let client = session.client.clone().unwrap_or_default();
                vec![
                    session.name.clone(),
                    session.email.clone(),
                    value(session.assurance().as_str_name(), "ASSURANCE_"),
                    time(session.create_time.as_ref()),
                    time(session.last_used_time.as_ref()),
                    time(session.expire_time.as_ref()),
                    client.ip_address,
                    client.user_agent,
                ]
            })
        }
        Sessions::Revoke { of } => {
            let name = of.name(connection).await?;
            output.confirm(&format!("end the sessions at or below {name}"))?;
            let request = RevokeSessionsRequest { name };
            let done = answer(connection.revoke_sessions(request).await)?;
            note(&format!("{} ended", counted(done.sessions_ended, "session")))?;
            Ok(())
        }
    }
}
