//! `gatehouse admin`: AdminService for people at a terminal.
//!
//! A client like any other: it needs a key and a running server, and knows nothing of the
//! database.

mod api_keys;
mod audit;
mod connection;
mod customers;
mod import;
mod names;
mod output;
mod portals;
mod sessions;
mod tail;

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::server_url::{ServerUrl, TlsOptions};
use crate::config::Settings;
use output::Output;

/// What every command is told.
#[derive(Args, Clone)]
pub(super) struct Admin {
    #[command(subcommand)]
    command: Command,

    /// Where the server is, http://host:port or https://host:port [default: the address that
    /// it listens on, by https:// where it has a certificate]
    #[arg(long, env = "GATEHOUSE_ADMIN_SERVER", value_name = "URL", global = true)]
    server: Option<ServerUrl>,

    #[command(flatten)]
    tls: TlsOptions,

    /// Send the key to another machine without TLS, where everybody between can read it: for a
    /// private network alone
    #[arg(long, env = "GATEHOUSE_ADMIN_KEY_IN_CLEAR", global = true)]
    key_in_clear: bool,

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
    /// Make customers of another system's, with their passwords and authenticators
    Import(import::Import),
    /// Live sessions
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// API keys
    #[command(subcommand)]
    Keys(api_keys::Keys),
    /// What happened: who did what, with which key, from where, and why
    Audit(Box<audit::Audit>),
}

/// Does what `admin` asks for.
pub(super) async fn run(settings: &Settings, admin: Admin) -> Result<(), Box<dyn Error>> {
    let output = Output { json: admin.json, yes: admin.yes };
    let (tls, server) = admin.tls.with_server(admin.server, settings)?;
    server.require_private(admin.key_in_clear)?;
    let key_file = admin
        .key_file
        .ok_or("--key-file (GATEHOUSE_ADMIN_KEY_FILE): name the file with the admin key")?;
    if let Command::Import(which) = &admin.command {
        which.check(&key_file)?;
    }
    let mut connection = connection::open(&server, &tls, &key_file, admin.actor.as_deref()).await?;
    match admin.command {
        Command::Portals(command) => portals::run(&mut connection, output, command).await,
        Command::Customers(command) => customers::run(&mut connection, output, command).await,
        Command::Import(which) => import::run(&mut connection, output, &which).await,
        Command::Sessions(command) => sessions::run(&mut connection, output, command).await,
        Command::Keys(command) => api_keys::run(&mut connection, output, command).await,
        Command::Audit(which) => audit::run(&mut connection, output, *which).await,
    }
}
