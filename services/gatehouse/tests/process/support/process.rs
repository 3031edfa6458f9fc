//! The program, run.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::mem;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tonic::transport::{Channel, Endpoint};

/// For one line or the end. Only a process that hangs takes as long.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program, without settings from the environment of the tests.
pub fn gatehouse() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("GATEHOUSE_") || name.starts_with("OTEL_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// What a process came to.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none for one that was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
pub fn run(command: Command) -> Ended {
    Process::spawn(command).ended()
}

/// A process, which ends with this value.
pub struct Process {
    child: Child,
    /// Of standard error. They end with the process, which has no children.
    lines: Receiver<String>,
    log: String,
}

impl Process {
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stderr.lines().try_for_each(|line| sender.send(line.unwrap())));
        Self { child, lines, log: String::new() }
    }

    /// Waits for a line on standard error that says `text`.
    pub fn line(&mut self, text: &str) -> String {
        loop {
            match self.next_line() {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => panic!("it ended without {text:?}:\n{}", self.log),
            }
        }
    }

    fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.log.push_str(&line);
                self.log.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it hangs:\n{}", self.log),
        }
    }

    /// What it has said on standard error, as far as it was waited for.
    pub fn log(&self) -> &str {
        &self.log
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Ends it where it stands: kill -9.
    pub fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.ended()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        while self.next_line().is_some() {}
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        Ended { code, stdout, stderr: mem::take(&mut self.log) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that serves.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
}

impl Server {
    /// Waits until `process` serves.
    pub fn of(mut process: Process) -> Self {
        let line = process.line("listening address=");
        let (_, address) = line.rsplit_once('=').unwrap();
        Self { address: address.parse().unwrap(), process }
    }

    /// A connection of its own.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect_lazy()
    }
}
