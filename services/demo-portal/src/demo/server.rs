//! A gatehouse beside this program, on its embedded default.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long it may take to begin: it makes a database.
const START: Duration = Duration::from_secs(30);

/// Why there is no gatehouse.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program cannot be run.
    #[error("cannot run {program}: {error}")]
    Run {
        /// Which.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// There is nowhere to store anything.
    #[error("no temporary folder: {0}")]
    Folder(io::Error),
    /// It ended, or says nothing.
    #[error("gatehouse does not start; what it said stands above")]
    Silent,
    /// A command of it failed.
    #[error("{0} failed; what it said stands above")]
    Failed(&'static str),
}

/// It runs until it is stopped or dropped.
pub struct Server {
    child: Child,
    address: String,
    program: PathBuf,
    data: PathBuf,
    /// Goes with the server.
    _folder: Option<TempDir>,
}

impl Server {
    /// Starts it, and waits until it listens. Without `data` it forgets everything when it ends.
    ///
    /// # Errors
    /// If it cannot be found, built or run.
    pub async fn start(data: Option<PathBuf>) -> Result<Self, Error> {
        let (data, folder) = if let Some(data) = data {
            (data, None)
        } else {
            let folder = tempfile::tempdir().map_err(Error::Folder)?;
            (folder.path().join("data"), Some(folder))
        };
        let program = program().await?;
        let mut child = Command::new(&program)
            .arg("serve")
            .env("GATEHOUSE_DATA_DIR", &data)
            .env("GATEHOUSE_LISTEN", "127.0.0.1:0")
            .env("GATEHOUSE_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for this program, which then ends it in order: a second signal would cut it off.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| run(&program, error))?;
        let log = child.stderr.take().ok_or(Error::Silent)?;
        let (found, listening) = oneshot::channel();
        tokio::spawn(read_log(log, found));
        let address =
            timeout(START, listening).await.ok().and_then(Result::ok).ok_or(Error::Silent)?;
        Ok(Self { child, address: format!("http://{address}"), program, data, _folder: folder })
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A new key of an owner.
    ///
    /// # Errors
    /// If gatehouse makes none.
    pub async fn owner_key(&self) -> Result<String, Error> {
        let output = Command::new(&self.program)
            .args(["create-owner-key", "--display-name", "demo-portal"])
            .env("GATEHOUSE_DATA_DIR", &self.data)
            .stderr(Stdio::inherit())
            .output()
            .await
            .map_err(|error| run(&self.program, error))?;
        if !output.status.success() {
            return Err(Error::Failed("create-owner-key"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Ends it as an operator would, so that it finishes what it was asked.
    ///
    /// # Errors
    /// If it ends badly.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            kill_process(pid, Signal::TERM).map_err(|error| run(&self.program, error.into()))?;
        }
        let status = self.child.wait().await.map_err(|error| run(&self.program, error))?;
        if status.success() { Ok(()) } else { Err(Error::Failed("gatehouse")) }
    }
}

fn run(program: &Path, error: io::Error) -> Error {
    Error::Run { program: program.display().to_string(), error }
}

/// The `gatehouse` that belongs to this program: of the same build, in the same folder. `cargo run`
/// builds this program alone, so then it is built first.
async fn program() -> Result<PathBuf, Error> {
    let own = env::current_exe().map_err(|error| run(Path::new("demo-portal"), error))?;
    if let (Some(cargo), Some(_)) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR")) {
        let mut build = Command::new(&cargo);
        build.args(["build", "--package", "gatehouse"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.status().await.map_err(|error| run(Path::new(&cargo), error))?;
        if !status.success() {
            return Err(Error::Failed("cargo build --package gatehouse"));
        }
    }
    Ok(own.with_file_name("gatehouse"))
}

/// A line of gatehouse's log, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    level: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    message: Option<String>,
    address: Option<String>,
}

/// Finds the address in the log, and passes on what somebody should see.
async fn read_log(log: ChildStderr, found: oneshot::Sender<String>) {
    let mut found = Some(found);
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(text)) = lines.next_line().await {
        match serde_json::from_str(&text) {
            Ok(Line {
                fields: Fields { message: Some(message), address: Some(address) }, ..
            }) if message == "listening" => {
                // Nobody waits any more where it took too long.
                found.take().map(|found| found.send(address));
            }
            Ok(line) if line.level != "ERROR" => {}
            _ => tracing::error!("gatehouse: {text}"),
        }
    }
    tracing::info!("gatehouse has ended");
}
