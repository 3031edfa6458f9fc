//! What is measured beside the server: the parts that it cannot be faster than, each in a
//! process of its own, which is told on its standard input what to do and ends with it.

pub mod collector;
pub mod database;
pub mod disk;
pub mod echo;
pub mod hasher;

use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::drive::{self, Load, Pace, Scenario};
use crate::measure::Measured;
use crate::process;

/// The name under which a limit counts its own CPU time.
pub const OWN_CPU: &str = "limit";

/// What a limit is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Callers, each at once after its last call.
    pub callers: usize,
    /// How long is counted.
    pub time: Duration,
}

/// A limit in its process.
pub struct Limit {
    child: Child,
    /// It ends when this is closed.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Limit {
    /// Starts this program once more, as `arguments` say; gives what it says first.
    pub fn start(arguments: &[&str], first: &str) -> Result<(Self, String)> {
        let mut child = Command::new(env::current_exe()?)
            .arg("limit")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        let mut limit = Self { child, orders: Some(orders), answers: BufReader::new(answers) };
        let ready = limit.ask(first)?;
        Ok((limit, ready))
    }

    /// Lets it run. Blocks for that long.
    pub fn run(&mut self, order: Order) -> Result<Measured> {
        let answer = self.ask(&serde_json::to_string(&order)?)?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.orders.as_mut().context("its standard input")?, "{line}")?;
        let mut answer = String::new();
        ensure!(self.answers.read_line(&mut answer)? > 0, "a limit has ended early");
        Ok(answer.trim_end().to_owned())
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}

/// The other end, in the process of the limit: the first line.
fn first_line() -> Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn say(line: &str) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// The other end: obeys until there are no more orders.
async fn obey<S: Scenario>(scenario: &Arc<S>) -> Result<()> {
    first_line()?;
    say("ready")?;
    loop {
        let line = first_line()?;
        if line.is_empty() {
            return Ok(());
        }
        let order: Order = serde_json::from_str(&line)?;
        let load = Load { callers: order.callers, pace: Pace::Closed, time: order.time };
        let own = || process::cpu(std::process::id());
        let measured = drive::drive(scenario, &load, &[(OWN_CPU, &own)]).await?;
        say(&serde_json::to_string(&measured)?)?;
    }
}
