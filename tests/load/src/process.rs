//! What a process uses, by the kernel's own account: proc(5).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Ticks a second in which the kernel tells CPU times: USER_HZ, 100 on every platform that
/// gatehouse is built for.
const TICKS_PER_SECOND: u32 = 100;

/// Processor time that a process has used so far, in user and kernel mode.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    parse_cpu(&stat, false).with_context(|| format!("the CPU time of process {pid}"))
}

/// The same of all processes that a process has started, those that ended included.
pub fn cpu_of_children(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let mut sum = parse_cpu(&stat, true).context("the CPU time of children that ended")?;
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    for child in children.split_whitespace() {
        // One that ends meanwhile is counted the next time, with those that ended.
        sum += child.parse().ok().and_then(|child| cpu(child).ok()).unwrap_or_default();
    }
    Ok(sum)
}

/// Fields 14 and 15 of a process itself, 16 and 17 of the children that it has waited for.
fn parse_cpu(stat: &str, of_children: bool) -> Option<Duration> {
    // The name, which is the second field, may hold anything, parentheses too.
    let (_, fields) = stat.rsplit_once(')')?;
    let skip = if of_children { 13 } else { 11 };
    let times = fields.split_whitespace().skip(skip).take(2);
    let ticks = times.map(|ticks| ticks.parse::<u32>().ok()).sum::<Option<u32>>()?;
    Some(Duration::from_secs(1) * ticks / TICKS_PER_SECOND)
}

/// Memory that a process holds, in KiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// VmRSS: now.
    pub resident_kib: u64,
    /// VmHWM: at most, since it started or the peak was forgotten.
    pub peak_kib: u64,
}

/// What a process holds.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let number = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let (resident, peak) = (number("VmRSS:"), number("VmHWM:"));
    let resident_kib = resident.with_context(|| format!("VmRSS of process {pid}"))?;
    Ok(Memory { resident_kib, peak_kib: peak.with_context(|| format!("VmHWM of process {pid}"))? })
}

/// Lets the peak be counted from now on.
pub fn forget_peak(pid: u32) -> Result<()> {
    // "5" is for the peak.
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_times_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 10 20 20 0 1 0 5";
        assert_eq!(parse_cpu(stat, false), Some(Duration::from_secs(2)));
        assert_eq!(parse_cpu(stat, true), Some(Duration::from_millis(300)));
        assert_eq!(parse_cpu("7 (a", false), None);
    }

    #[test]
    fn this_process_uses_something() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.resident_kib > 0 && memory.peak_kib >= memory.resident_kib);
        cpu(std::process::id()).unwrap();
        cpu_of_children(std::process::id()).unwrap();
    }
}
