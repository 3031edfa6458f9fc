//! The program as a process of its own: built of the same code as what is shipped, with the
//! injection of faults compiled in and never armed.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use super::{Admin, Bearer, Keyed, Web, Wire};

/// For one line. Only a process that hangs takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server over an empty SQLite database of its own, with the settings that a program has by
/// default. It ends with this value.
pub struct Program {
    child: Child,
    /// Of standard error, as they are, each with its line feed.
    lines: Receiver<Vec<u8>>,
    log: Vec<u8>,
    _folder: TempDir,
    pub address: SocketAddr,
    owner: String,
}

/// What a process uses, by its own account of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Memory that it holds, and the most that it held, in KiB.
    pub resident_kib: usize,
    pub peak_kib: usize,
    pub threads: usize,
    pub open_files: usize,
}

impl Program {
    /// Starts `program`, which is the `gatehouse` command; returns when it serves.
    pub fn serve(program: &str, flags: &[&str]) -> Self {
        Self::serve_in(program, flags, &[])
    }

    /// The same with these variables in its environment.
    pub fn serve_in(program: &str, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = command(program, &folder).arg("create-owner-key").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let owner = String::from_utf8(made.stdout).unwrap().trim_end().to_owned();

        let mut command = command(program, &folder);
        command.envs(variables.iter().copied());
        command.arg("serve").args(flags).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                let read = stderr.read_until(b'\n', &mut line);
                if !matches!(read, Ok(1..)) || sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut program = Self {
            child,
            lines,
            log: Vec::new(),
            _folder: folder,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            owner,
        };
        let line = program.line("listening");
        let from = line.find("127.0.0.1:").unwrap();
        let until = line[from..].find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
        let address = until.map_or(&line[from..], |until| &line[from..from + until]);
        program.address = address.parse().unwrap();
        program
    }

    /// Waits for a line of the log that says `text`.
    pub fn line(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| {
                panic!("no {text:?} in:\n{}", String::from_utf8_lossy(&self.log))
            });
            self.log.extend_from_slice(&line);
            let line = String::from_utf8_lossy(&line);
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// A connection of its own.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect_lazy()
    }

    /// AdminService, with the owner's key, on a connection of its own.
    pub fn admin(&self) -> Admin {
        self.admin_on(self.channel(), &self.owner)
    }

    /// AdminService, with this key, on this connection.
    pub fn admin_on(&self, channel: Channel, key: &str) -> Admin {
        Admin::new(Keyed::new(Wire::new(channel), Bearer::new(key)))
    }

    /// PortalAuthService, with this key, on a connection of its own.
    pub fn web_with(&self, key: &str) -> Web {
        Web::new(Keyed::new(Wire::new(self.channel()), Bearer::new(key)))
    }

    /// The owner's key.
    pub fn owner_key(&self) -> &str {
        &self.owner
    }

    /// What it uses now.
    pub fn usage(&self) -> Usage {
        let of_process = |name| format!("/proc/{}/{name}", self.child.id());
        let status = fs::read_to_string(of_process("status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Usage {
            resident_kib: number("VmRSS:"),
            peak_kib: number("VmHWM:"),
            threads: number("Threads:"),
            open_files: fs::read_dir(of_process("fd")).unwrap().count(),
        }
    }

    /// Lets the most memory that it held be counted from now on; gives what it uses now.
    pub fn forget_peak(&self) -> Usage {
        // "5" is for the peak: proc(5).
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
        self.usage()
    }

    /// Lets it end by itself, as SIGTERM asks for; gives its exit code and all that it has logged.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.read_to_end();
        let code = self.child.wait().unwrap().code();
        (code, String::from_utf8_lossy(&self.log).into_owned())
    }

    /// Ends it; gives all that it has logged.
    pub fn end(mut self) -> Vec<u8> {
        self.child.kill().unwrap();
        self.read_to_end();
        std::mem::take(&mut self.log)
    }

    fn read_to_end(&mut self) {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.log.extend_from_slice(&line);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails only for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program over `folder`, on a free port, without settings from the environment of the tests.
fn command(program: &str, folder: &TempDir) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("GATEHOUSE_") || name.starts_with("OTEL_") {
            command.env_remove(&*name);
        }
    }
    command
        .current_dir(folder.path())
        .env("GATEHOUSE_DATA_DIR", folder.path().join("data"))
        .env("GATEHOUSE_LISTEN", "127.0.0.1:0");
    command
}
