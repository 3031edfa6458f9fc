//! Throw-away PostgreSQL servers for tests.
//!
//! [`TestPostgres`] is one server a test process, with one database a test. A test
//! that breaks its server takes a [`DedicatedPostgres`].
//!
//! The variable `TEST_POSTGRES_ISOLATION` sets the isolation level at which
//! transactions run that ask for none, on both: `TEST_POSTGRES_ISOLATION=serializable`
//! runs a whole test suite so. Without it that is PostgreSQL's own, `read committed`.

mod dedicated;
mod processes;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

pub use dedicated::DedicatedPostgres;

/// Names the variable of the isolation level.
pub const ISOLATION: &str = "TEST_POSTGRES_ISOLATION";

/// The server of this test process. It listens on a socket in its own folder only, so that any
/// number of test processes run side by side, and is gone when the process is, panic or not.
#[derive(Debug)]
pub struct TestPostgres {
    /// Of a psql. The server lives until it is closed.
    sql: ChildStdin,
    rows: BufReader<ChildStdout>,
    databases: u32,
}

/// Never dropped: the end of the process closes it.
static SERVER: Mutex<Option<TestPostgres>> = Mutex::new(None);

impl TestPostgres {
    /// Makes an empty database that is this caller's alone and returns its URL. The first call of
    /// a process starts the server, which takes about a second.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL is not installed or does not start; standard error says why.
    #[expect(clippy::panic, reason = "a test cannot go on without its database")]
    pub async fn create_database() -> String {
        let created = tokio::task::spawn_blocking(|| {
            let mut running = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
            let server = match &mut *running {
                Some(server) => server,
                None => running.insert(Self::start()?),
            };
            server.create()
        });
        match created.await.map_err(io::Error::other).flatten() {
            Ok(url) => url,
            Err(error) => panic!("no PostgreSQL database for this test: {error}"),
        }
    }

    fn start() -> io::Result<Self> {
        let shell = shell("shared")?;
        let (Some(sql), Some(rows)) = (shell.stdin, shell.stdout) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self { sql, rows: BufReader::new(rows), databases: 0 })
    }

    fn create(&mut self) -> io::Result<String> {
        self.databases += 1;
        let name = format!("test_{}", self.databases);
        writeln!(
            self.sql,
            "CREATE DATABASE {name};
             SELECT format('postgres:///{name}?host=%s&user=%s',
                           current_setting('unix_socket_directories'), current_user);"
        )?;
        let mut url = String::new();
        if self.rows.read_line(&mut url)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(url.trim_end().to_owned())
    }
}

/// A shell that has a server of this kind until its standard input is closed.
fn shell(kind: &str) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", include_str!("server.sh"), "server.sh", kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // An interrupt from the keyboard ends the tests; the shell then cleans up.
        .process_group(0)
        .spawn()
}
