//! `gatehouse admin`: AdminService for people at a terminal.
//!
//! A client like any other: it needs a key and a running server, and knows nothing of the
//! database.

mod api_keys;
mod audit;
mod connection;
mod customers;
mod names;
mod output;
mod portals;
mod sessions;
mod tail;

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::server_url::ServerUrl;
use crate::config::Settings;
use output::Output;

/// What every command is told.
#[derive(Args, Clone)]
pub(super) struct Admin {
    #[command(subcommand)]
    command: Command,

    /// Where the server is [default: http:// and the address it listens on]
    #[arg(long, env = "GATEHOUSE_ADMIN_SERVER", value_name = "URL", global = true)]
    server: Option<ServerUrl>,

    /// File with the admin key to call with; `-` is standard input
    #[arg(long, env = "GATEHOUSE_ADMIN_KEY_FILE", value_name = "PATH", global = true)]
    key_file: Option<PathBuf>,

    /// Who is at the terminal, for the audit trail
    #[arg(long, env = "USER", value_name = "NAME", global = true, hide_env_values = true)]
    actor: Option<String>,

    /// Print JSON, an object on each line, as protobuf's mapping has it
    #[arg(long, global = true)]
    json: bool,

    /// Do not ask before what cannot be undone
    #[arg(long, global = true)]
    yes: bool,
}

#[derive(Clone, Subcommand)]
enum Command {
    /// Portals and their policy
    #[command(subcommand)]
    Portals(portals::Portals),
    /// Customers: find, invite, suspend, unlock, and reset the MFA of who lost a phone
    #[command(subcommand)]
    Customers(customers::Customers),
    /// Live sessions
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// API keys
    #[command(subcommand)]
    Keys(api_keys::Keys),
    /// What happened: who did what, with which key, from where, and why
    Audit(audit::Audit),
}

/// Does what `admin` asks for.
pub(super) async fn run(settings: &Settings, admin: Admin) -> Result<(), Box<dyn Error>> {
    let output = Output { json: admin.json, yes: admin.yes };
    let server = admin.server.unwrap_or_else(|| ServerUrl::of_listener(settings.listen));
    let key_file = admin
        .key_file
        .ok_or("--key-file (GATEHOUSE_ADMIN_KEY_FILE): name the file with the admin key")?;
    let mut connection = connection::open(&server, &key_file, admin.actor.as_deref()).await?;
    match admin.command {
        Command::Portals(command) => portals::run(&mut connection, output, command).await,
        Command::Customers(command) => customers::run(&mut connection, output, command).await,
        Command::Sessions(command) => sessions::run(&mut connection, output, command).await,
        Command::Keys(command) => api_keys::run(&mut connection, output, command).await,
        Command::Audit(which) => audit::run(&mut connection, output, which).await,
    }
}
