//! The program that is measured, as a process of its own.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::place::Place;

/// For a line of the log. Only a server that hangs takes as long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that serves. It ends with this value.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process until it said so.
    pub start_time: Duration,
}

impl Server {
    /// Starts `program`, the `gatehouse` command with the arguments that come before its own.
    /// Its spans go to `traces`, where that is given.
    pub fn start(program: &[OsString], place: &Place, traces: Option<&str>) -> Result<Self> {
        let (name, arguments) = program.split_first().context("no program")?;
        let mut command = Command::new(name);
        for (name, _) in env::vars_os() {
            if ["GATEHOUSE_", "OTEL_"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
                command.env_remove(name);
            }
        }
        command.envs(traces.map(|endpoint| ("GATEHOUSE_TRACES_ENDPOINT", endpoint)));
        command
            .args(arguments)
            .arg("serve")
            .envs(place.variables())
            .env("GATEHOUSE_LISTEN", "127.0.0.1:0")
            .env("GATEHOUSE_ENVOY_AUTHORIZATION", "true")
            .current_dir(&place.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", name.display()))?;
        let stderr = child.stderr.take().context("no standard error")?;
        let (sender, lines) = mpsc::channel();
        // Reads until its end, or the server would wait for room to log.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let mut server =
            Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), start_time: PATIENCE };
        let mut log = Vec::new();
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            if let Some(address) = line.contains("listening").then(|| address(&line)).flatten() {
                server.address = address;
                server.start_time = begun.elapsed();
                return Ok(server);
            }
            log.push(line);
        }
        bail!("the server does not serve:\n{}", log.join("\n"));
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line of the log, whatever stands around it.
fn address(line: &str) -> Option<SocketAddr> {
    let from = line.find("127.0.0.1:")?;
    let rest = line.get(from..)?;
    let until = rest.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
    rest.get(..until.unwrap_or(rest.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address_in_a_line() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 4711)));
        for line in [
            "INFO gatehouse::command: listening address=127.0.0.1:4711",
            "listening address=\u{1b}[3m127.0.0.1:4711\u{1b}[0m more",
        ] {
            assert_eq!(address(line), expected, "{line}");
        }
        assert_eq!(address("listening"), None);
    }
}
