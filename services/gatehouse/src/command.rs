//! The command line.

mod admin;
mod audit;
mod backup;
mod definition;
mod doctor;
mod healthcheck;
mod keys;
mod migrate;
mod server_url;

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use gatehouse_domain::field::Malformed;
use gatehouse_domain::portal::check_display_name;
use gatehouse_domain::text::is_deceptive;
use tokio::runtime::Runtime;

use crate::config::{self, ConfigError, Given, Settings};
use crate::metrics::listener::MetricsListener;
use crate::server::{Server, ServerSettings};
use crate::traces::Traces;
use crate::usecase::{Call, api_keys, keys as key_rotation};
use crate::{log, service_manager, shutdown, startup};
pub use definition::definition;
use server_url::{ServerUrl, TlsOptions};

/// What a wrong command line or setting exits with.
const USAGE: u8 = 2;

/// The gRPC identity backend that customer portals sign their customers in with.
///
/// A setting may come as a flag, as the environment variable shown with it, or in a TOML file
/// under the flag's name with underscores; the first of them wins. Each command has those that it
/// goes by in its help.
#[derive(Parser)]
#[command(name = "gatehouse", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// TOML file with settings; none is read by itself
    #[arg(long, env = "GATEHOUSE_CONFIG", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true)]
    config: Option<PathBuf>,

    #[command(flatten)]
    given: Given,
}

#[derive(Clone, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT, which let calls under way finish; a second one does not
    /// [the default]
    Serve,
    /// Make an OWNER key for administrators and print it, alone; works beside a running server
    CreateOwnerKey {
        /// What people call the key
        #[arg(long, value_name = "NAME", default_value = "owner", value_parser = display_name)]
        display_name: String,
    },
    /// Bring the database up to date, as `serve` does when it starts
    Migrate {
        /// Change nothing: say what there is to do, and exit with 1 if there is anything
        #[arg(long)]
        check: bool,
    },
    /// Rotate the keys that secrets are sealed under, beside running servers
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Copy an SQLite database into a new file, beside a running server; without the key ring,
    /// which belongs in another place
    Backup {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// After putting back a backup: end what may have been used up since it was made, and list
    /// what only people can know
    RestoreEpoch {
        /// Let backup codes live on, of which some may have been used since
        #[arg(long)]
        keep_backup_codes: bool,
    },
    /// Check, export and note the head of the audit trail, beside running servers
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Look for what is wrong with the settings, the database, the clock, the key ring, the
    /// certificate and the ports, and name the cure of each; changes nothing. Exits with 1 if
    /// there is an error, and with 0 if there are warnings alone, or nothing
    Doctor(doctor::Doctor),
    /// Ask a running server whether it is ready to serve: 0 if it is
    Healthcheck {
        /// Where the server is, http://host:port or https://host:port [default: the address
        /// that it listens on, by https:// where it has a certificate]
        #[arg(long, value_name = "URL")]
        server: Option<ServerUrl>,

        #[command(flatten)]
        tls: TlsOptions,
    },
    /// Print what completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Administer a running server from a terminal, with an admin key
    Admin(Box<admin::Admin>),
}

/// Runs the command that `arguments` ask for: 0, or 1 where it fails with a
/// line on standard error, or 2 where it was not understood, or a trail not checked.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let parsed = definition()
        .try_get_matches_from(&arguments)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        // Also --help and --version, which are no failure.
        Err(answer) => {
            let answer = definition::by_source(answer, &arguments);
            return match answer.print() {
                Ok(()) => u8::try_from(answer.exit_code()).unwrap_or(USAGE).into(),
                Err(_) => ExitCode::FAILURE,
            };
        }
    };
    if let Err(error) = definition::refuse_meaningless(&matches) {
        return fail(&error, USAGE.into());
    }
    let command = cli.command.unwrap_or(Command::Serve);
    let mut wrong = config::unknown_variables(&Cli::command());
    let (settings, more) = Settings::read(&cli.given, &matches, cli.config.as_deref());
    wrong.extend(more);
    if matches!(command, Command::Serve) {
        wrong.extend(settings.require_private_transport().err());
    }
    // The doctor tells of all of them.
    if let (Some(error), false) = (wrong.first(), matches!(command, Command::Doctor(_))) {
        return fail(error, USAGE.into());
    }
    match execute(command, &settings, &wrong) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<audit::NotChecked>() => fail(&*error, USAGE.into()),
        // They have seen what they wanted to see, as `head` does.
        Err(error) if is_broken_pipe(&*error) => ExitCode::FAILURE,
        Err(error) => fail(&*error, ExitCode::FAILURE),
    }
}

/// Does what `command` asks for. `wrong` is what is wrong with the settings: only a doctor is
/// asked all the same.
fn execute(
    command: Command,
    settings: &Settings,
    wrong: &[ConfigError],
) -> Result<(), Box<dyn Error>> {
    log::start(&settings.log)?;
    let runtime = Runtime::new()?;
    let done = runtime.block_on(async {
        match command {
            Command::Serve => serve(settings).await,
            Command::CreateOwnerKey { display_name } => {
                let app = startup::open(settings).await?;
                let call = Call::of_server(app.clock.now());
                let (_, token) = api_keys::create_owner(&app, &call, display_name).await?;
                writeln!(io::stdout(), "{}", token.expose())?;
                Ok(())
            }
            Command::Migrate { check: false } => Ok(startup::migrate(settings).await?),
            Command::Migrate { check: true } => migrate::check(settings).await,
            Command::Keys(command) => keys::run(settings, command).await,
            Command::Backup { file } => backup::write(settings, &file).await,
            Command::RestoreEpoch { keep_backup_codes } => {
                backup::restore_epoch(settings, keep_backup_codes).await
            }
            Command::Healthcheck { server, tls } => {
                let (tls, server) = tls.with_server(server, settings)?;
                healthcheck::run(&server, &tls).await
            }
            Command::Doctor(doctor) => doctor::run(settings, wrong, &doctor).await,
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(
                    shell,
                    &mut definition::completed(),
                    "gatehouse",
                    &mut script,
                );
                Ok(io::stdout().write_all(&script)?)
            }
            Command::Admin(command) => admin::run(settings, *command).await,
            Command::Audit(command) => audit::run(settings, command).await,
        }
    });
    // What a disk has not answered by now is not waited for.
    runtime.shutdown_background();
    done
}

async fn serve(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut app = startup::open(settings).await?;
    app.traces = Traces::start(settings.traces.as_ref(), app.server, &app.metrics.spans)?;
    let app = Arc::new(app);
    startup::announce_missing_owner(&app).await?;
    // Before the first call, which must not be served by a wrong clock, nor a key be
    // promoted that this server does not have.
    let ready = match app.look_at_database().await {
        Ok(()) => key_rotation::share(&app, &mut None, app.clock.now()).await,
        Err(error) => Err(error),
    };
    if let Err(error) = ready {
        let error: &dyn Error = &error;
        tracing::warn!(error, "not ready yet");
    }
    let metrics = match settings.metrics_listen {
        Some(address) => Some(MetricsListener::bind(Arc::clone(&app), address).await?),
        None => None,
    };
    let id = app.server;
    let server = Server::bind(app, &ServerSettings::of(settings)).await?;
    if settings.is_plaintext_for_others() {
        tracing::warn!("serving other machines without TLS, as allow_plaintext asks for");
    }
    if let Some(traces) = &settings.traces {
        tracing::info!(endpoint = %traces.endpoint, "exporting traces");
    }
    let shutdown = shutdown::requested()?;
    let shutdown = async {
        shutdown.await;
        service_manager::tell_stopping();
    };
    tracing::info!(address = %server.local_addr(), "listening");
    tracing::info!(server = %id, "the id by which `gatehouse keys` names this server");
    service_manager::tell_ready();
    // On the heap: it holds all that a server is.
    let serving = Box::pin(server.serve(shutdown));
    match metrics {
        Some(metrics) => {
            tracing::info!(address = %metrics.local_addr(), "serving metrics, in plain HTTP");
            // Until the last call has ended: how a server drains is seen, too.
            metrics.serve_during(serving).await?;
        }
        None => serving.await?,
    }
    tracing::info!("stopped");
    Ok(())
}

fn display_name(text: &str) -> Result<String, Malformed> {
    check_display_name(text).map(|()| text.to_owned())
}

/// `1 row`, `2 rows`: so many of what is called so, with an s for more than one.
fn counted(count: impl Copy + Display + Into<i128>, noun: &str) -> String {
    let plural = if count.into() == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Whether nobody reads what is printed any more.
fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// One line, with every cause.
fn fail(error: &dyn Error, code: ExitCode) -> ExitCode {
    let line = format!("gatehouse: {}", line_of(error));
    let _ = writeln!(io::stderr(), "{}", line.replace(is_deceptive, " "));
    code
}

/// What an error says, and what each of its causes adds.
fn line_of(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some say what their cause says.
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}
