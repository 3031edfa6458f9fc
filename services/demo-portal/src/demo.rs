//! What makes it a demonstration: a gatehouse of its own, with a portal in it, and both sites.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::gatehouse::{self, Caller};
use crate::outbox::{Letterhead, Outbox};
use crate::secret::Secret;
use crate::{console, portal};

mod seed;
mod server;

use seed::{ADMINISTRATOR, CUSTOMERS};
use server::Server;

/// How long what is under way may take when the demo is to end.
const DRAIN: Duration = Duration::from_secs(5);

/// A customer's portal and an administrator's console over a gatehouse of their own, on this machine
/// alone.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Port of the customer's portal; 0: any that is free
    #[arg(long, default_value_t = 8080)]
    portal_port: u16,
    /// Port of the administrator's console; 0: any that is free
    #[arg(long, default_value_t = 8081)]
    console_port: u16,
    /// Keep what gatehouse stores in this folder, instead of forgetting it
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Use the gatehouse at this address, such as http://localhost:50051, instead of starting one
    #[arg(long, requires = "owner_key", conflicts_with = "data_dir")]
    gatehouse: Option<String>,
    /// Key of an owner there, by which the demo's portal is made
    #[arg(long, env = "DEMO_OWNER_KEY", hide_env_values = true)]
    owner_key: Option<String>,
}

/// What keeps the demo from running.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses something.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// gatehouse cannot be started.
    #[error("{0}")]
    Server(#[from] server::Error),
    /// The portal cannot be made.
    #[error("the demo's portal cannot be made: {0}")]
    Seed(#[from] tonic::Status),
    /// Not an address.
    #[error("not the address of a gatehouse: {0}")]
    Address(#[from] tonic::transport::Error),
    /// Not a key.
    #[error(transparent)]
    Key(#[from] gatehouse::BadKey),
    /// No randomness.
    #[error("no randomness: {0}")]
    Random(#[from] rand::rngs::SysError),
}

fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::Io(what.into(), error)
}

/// Serves both sites until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from serving.
pub async fn run(options: Options) -> Result<(), Error> {
    let ended = end_of_process().map_err(io("signals"))?;
    let portal_listener = listen(options.portal_port).await?;
    let console_listener = listen(options.console_port).await?;
    let portal_address = address(&portal_listener)?;
    let console_address = address(&console_listener)?;

    let again = options.data_dir.is_some();
    let elsewhere = options.gatehouse.zip(options.owner_key);
    let (server, address, owner_key) = if let Some((address, key)) = elsewhere {
        (None, address, key)
    } else {
        let server = Server::start(options.data_dir).await?;
        let key = server.owner_key().await?;
        let address = server.address().to_owned();
        (Some(server), address, key)
    };
    let channel = gatehouse::channel(address)?;
    let outbox = Outbox::default();
    let letters = Letterhead { portal: portal::NAME.to_owned(), address: portal_address.clone() };
    let owner = gatehouse::admin(channel.clone(), Caller::with_key(&owner_key)?);
    let keys = seed::seed(owner, again, &outbox, &letters).await?;

    let auth = gatehouse::portal_auth(channel.clone(), Caller::with_key(&keys.portal)?);
    let portal = portal::Portal::new(auth, outbox.clone(), letters.clone());
    let actor = Caller::with_key(&keys.admin)?.acting_for(ADMINISTRATOR)?;
    let password = Secret::generate()?;
    let admin = gatehouse::admin(channel, actor);
    let administrator = console::Administrator::new(ADMINISTRATOR, password.clone());
    let console = console::Console::new(seed::PORTAL, admin, administrator, outbox, letters);

    say(&portal_address, &console_address, &password);
    let portal = serve(portal_listener, portal::site(portal), ended.clone());
    let console = serve(console_listener, console::site(console), ended);
    tokio::try_join!(portal, console)?;
    if let Some(server) = server {
        server.stop().await?;
    }
    Ok(())
}

/// Where the sites are and how to get in. Tests read it as well.
#[expect(clippy::print_stdout, reason = "what the command is run for")]
fn say(portal: &str, console: &str, password: &Secret) {
    println!("The customer's portal       {portal}");
    for customer in &CUSTOMERS {
        let how = customer
            .password
            .map_or_else(|| format!("invited: the mail is in {portal}/outbox"), ToOwned::to_owned);
        println!("  {:<25} {how}", customer.email);
    }
    println!("The administrator's console {console}");
    println!("  {ADMINISTRATOR:<25} {}", password.expose());
}

async fn listen(port: u16) -> Result<TcpListener, Error> {
    // Passwords and tokens go over it in clear: for this machine alone.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(io(format!("cannot listen on port {port}")))
}

/// By name: to browsers a page of `localhost` is as good as one that came over TLS, so they keep its
/// `__Host-` cookies.
fn address(listener: &TcpListener) -> Result<String, Error> {
    let port = listener.local_addr().map_err(io("address"))?.port();
    Ok(format!("http://localhost:{port}"))
}

async fn serve(
    listener: TcpListener,
    site: Router,
    mut ended: watch::Receiver<bool>,
) -> Result<(), Error> {
    let service = site.into_make_service_with_connect_info::<SocketAddr>();
    // The sender lives as long as the process.
    let mut late = ended.clone();
    let end = async move { drop(ended.wait_for(|ended| *ended).await) };
    let too_late = async move {
        drop(late.wait_for(|ended| *ended).await);
        sleep(DRAIN).await;
    };
    tokio::select! {
        served = axum::serve(listener, service).with_graceful_shutdown(end) => served.map_err(io("serving")),
        // Who has sent half a request may never send the rest.
        () = too_late => Ok(()),
    }
}

fn end_of_process() -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (end, ended) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        end.send_replace(true);
    });
    Ok(ended)
}
