//! A server that one test has for itself, to break it.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::{processes, shell};

/// For a server to come up, or to take a setting over.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it has.
const POLL: Duration = Duration::from_millis(20);

/// A server of the caller's own, with one database. It listens on a socket in its own
/// folder only, and is gone with this value or with the test process, panic or not.
///
/// What commits is not forced to the disk unless it was asked for: it outlives every
/// process, not the machine. All calls block.
#[derive(Debug)]
pub struct DedicatedPostgres {
    shell: Child,
    /// The server lives until it is closed, which is when it is taken.
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) folder: PathBuf,
}

impl DedicatedPostgres {
    /// Starts one, which takes about a second.
    ///
    /// # Errors
    /// Where PostgreSQL is not installed or does not start; standard error says why.
    pub fn new() -> io::Result<Self> {
        Self::of_kind("dedicated")
    }

    /// The same, that forces what commits to the disk as it does by default: to measure
    /// what commits take.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn durable() -> io::Result<Self> {
        Self::of_kind("durable")
    }

    fn of_kind(kind: &str) -> io::Result<Self> {
        let mut shell = shell(kind)?;
        let (Some(words), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let answers = BufReader::new(answers);
        let mut server = Self { shell, words: Some(words), answers, folder: PathBuf::new() };
        server.folder = server.answer()?.into();
        Ok(server)
    }

    /// The URL of its database. It stays the same whatever happens to the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres:///gatehouse?host={}&user=gatehouse", self.folder.display())
    }

    /// The id of its first process, which has started all others.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn postmaster(&self) -> io::Result<u32> {
        Ok(processes::of(&self.data())?.0.as_raw_nonzero().get().unsigned_abs())
    }

    /// Ends all its processes where they stand: kill -9.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill(&mut self) -> io::Result<()> {
        processes::kill(&processes::stop(&self.data())?)
    }

    /// Starts it again after [`Self::kill`], and waits until it takes connections.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start(&mut self) -> io::Result<()> {
        self.tell("start")
    }

    /// Stops it, which ends every connection, and starts it again.
    ///
    /// # Errors
    /// Where it does not run, or does not start again.
    pub fn restart(&mut self) -> io::Result<()> {
        self.tell("restart")
    }

    /// Stops all its processes where they stand, with their connections open: SIGSTOP.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn freeze(&self) -> io::Result<()> {
        processes::stop(&self.data()).map(drop)
    }

    /// Lets them go on: SIGCONT.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn thaw(&self) -> io::Result<()> {
        let (postmaster, mut all) = processes::of(&self.data())?;
        all.push(postmaster);
        processes::send(&all, Signal::CONT);
        Ok(())
    }

    /// Ends one process that serves a connection to the database: kill -9. The server
    /// takes that for a sign that shared memory may be damaged, ends all the others and
    /// recovers by itself. Gives whether there was such a process.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill_backend(&self) -> io::Result<bool> {
        let sql = "SELECT pid FROM pg_stat_activity
                    WHERE datname = 'gatehouse' AND pid <> pg_backend_pid() LIMIT 1";
        let found = self.sql(sql)?;
        let Some(pid) = found.parse().ok().and_then(Pid::from_raw) else { return Ok(false) };
        processes::kill(&[pid])?;
        Ok(true)
    }

    /// Waits until it takes connections.
    ///
    /// # Errors
    /// If it takes too long.
    pub fn wait_until_ready(&self) -> io::Result<()> {
        self.wait_for("SELECT 1", "1")
    }

    /// Makes every transaction that begins from now on read-only, or no longer so,
    /// also on connections that are open. One that is under way ends as it began.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn set_read_only(&self, read_only: bool) -> io::Result<()> {
        let value = if read_only { "on" } else { "off" };
        // ALTER SYSTEM writes a file, which a read-only transaction may do.
        self.sql(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}"))?;
        self.sql("SELECT pg_reload_conf()")?;
        self.wait_for("SHOW default_transaction_read_only", value)
    }

    /// Runs `sql` in its database; gives what it selects, without headings.
    ///
    /// # Errors
    /// What psql says.
    pub fn sql(&self, sql: &str) -> io::Result<String> {
        let arguments = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql];
        let ran = Command::new("psql").args(arguments).arg(self.url()).output()?;
        if !ran.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&ran.stderr).into_owned()));
        }
        let selected = String::from_utf8(ran.stdout).map_err(io::Error::other)?;
        Ok(selected.trim_end().to_owned())
    }

    fn wait_for(&self, sql: &str, expected: &str) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            match self.sql(sql) {
                Ok(selected) if selected == expected => return Ok(()),
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Ok(_) if begun.elapsed() > PATIENCE => return Err(io::ErrorKind::TimedOut.into()),
                _ => thread::sleep(POLL),
            }
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn tell(&mut self, word: &str) -> io::Result<()> {
        let Some(words) = &mut self.words else { return Err(io::ErrorKind::BrokenPipe.into()) };
        writeln!(words, "{word}")?;
        match self.answer()?.as_str() {
            "ok" => Ok(()),
            _ => Err(io::Error::other(format!("PostgreSQL did not {word}"))),
        }
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for DedicatedPostgres {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.shell.wait();
    }
}
