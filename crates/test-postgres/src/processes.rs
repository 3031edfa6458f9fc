//! The processes of a server.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// For processes to do as they were told.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether they have.
const POLL: Duration = Duration::from_millis(5);

/// The first process of the server whose data is in `data`, and all it has started.
pub fn of(data: &Path) -> io::Result<(Pid, Vec<Pid>)> {
    let file = fs::read_to_string(data.join("postmaster.pid"))?;
    let number = file.lines().next().and_then(parse);
    let postmaster = number.ok_or(io::ErrorKind::InvalidData)?;
    Ok((postmaster, children(postmaster)?))
}

/// None of them starts another: the first process does so alone.
fn children(of: Pid) -> io::Result<Vec<Pid>> {
    let of = of.as_raw_nonzero();
    let numbers = fs::read_to_string(format!("/proc/{of}/task/{of}/children"))?;
    Ok(numbers.split_whitespace().filter_map(parse).collect())
}

fn parse(number: &str) -> Option<Pid> {
    Pid::from_raw(number.trim().parse().ok()?)
}

/// Stops all processes of the server whose data is in `data`, the first one before
/// the others, so that it starts no more.
pub fn stop(data: &Path) -> io::Result<Vec<Pid>> {
    let (postmaster, _) = of(data)?;
    kill_process(postmaster, Signal::STOP)?;
    // The signal is sent, and heard a moment later.
    wait_until(|| state(postmaster) == Some('T'))?;
    let mut all = children(postmaster)?;
    send(&all, Signal::STOP);
    all.push(postmaster);
    Ok(all)
}

/// Signals all of them; some may have ended by themselves.
pub fn send(processes: &[Pid], signal: Signal) {
    for process in processes {
        let _ = kill_process(*process, signal);
    }
}

/// kill -9, and waits until they are gone.
pub fn kill(processes: &[Pid]) -> io::Result<()> {
    send(processes, Signal::KILL);
    let is_gone = |process: &Pid| matches!(state(*process), None | Some('Z' | 'X'));
    wait_until(|| processes.iter().all(is_gone))
}

fn wait_until(condition: impl Fn() -> bool) -> io::Result<()> {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// The letter of proc(5); none for one that is gone. One that is dead and that nobody
/// has asked how it ended is a `Z`.
fn state(process: Pid) -> Option<char> {
    let number = process.as_raw_nonzero();
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // It follows the name, which stands in parentheses and may hold any.
    stat.rsplit_once(") ")?.1.chars().next()
}
