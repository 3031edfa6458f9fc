//! Whether password hashes fit into the memory and on the cores that there are.

use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use rustix::system::sysinfo;

use super::Finding;
use crate::config::Settings;

const CHECK: &str = "memory";
const MIB: u64 = 1 << 20;
/// Of a server beside its hashes, with every connection in use.
const OTHER_BYTES: u64 = 128 * MIB;
/// Of what there is: the rest is for the pages of files, and for what else runs.
const MOST_PERCENT: u64 = 70;
/// Where Linux shows the groups of processes that share a limit.
const GROUPS: &str = "/sys/fs/cgroup";

pub(super) fn examine(settings: &Settings) -> Finding {
    let of_machine = sysinfo();
    let total = of_machine.totalram.saturating_mul(u64::from(of_machine.mem_unit));
    let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = group_limit(Path::new(GROUPS), &membership);
    let cores = available_parallelism().map_or(1, usize::from);
    let threads = usize::try_from(settings.hasher.threads.get()).unwrap_or(usize::MAX);
    of(
        u64::from(settings.hasher.memory_kib) << 10,
        limit.map_or(total, |limit| limit.min(total)),
        (threads, cores),
    )
}

fn of(hashes: u64, available: u64, (threads, cores): (usize, usize)) -> Finding {
    let needed = hashes.saturating_add(OTHER_BYTES);
    let found = format!(
        "{threads} password hashes at once take {} MiB, of the {} MiB that this process may have",
        hashes / MIB,
        available / MIB
    );
    let cure = "lower hash_threads, or give more memory; not hash_memory_kib, by which hashes are \
                hard to guess";
    if needed > available {
        Finding::error(CHECK, found, cure)
    } else if needed.saturating_mul(100) > available.saturating_mul(MOST_PERCENT) {
        Finding::warning(CHECK, found, cure)
    } else if threads > cores {
        Finding::warning(
            CHECK,
            format!("{found}, on {cores} cores: each takes longer, and none is done sooner"),
            "lower hash_threads to the number of cores",
        )
    } else {
        Finding::ok(CHECK, found)
    }
}

/// The tightest limit of the group of this process and those around it, in bytes. Of cgroup v2
/// alone: within a container, its own.
fn group_limit(groups: &Path, membership: &str) -> Option<u64> {
    let own = membership.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let own = groups.join(own);
    let limits = own.ancestors().take_while(|group| group.starts_with(groups));
    limits
        .filter_map(|group| fs::read_to_string(group.join("memory.max")).ok())
        // `max` where there is none.
        .filter_map(|limit| limit.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn hashes_have_to_fit_into_what_there_is() {
        for (hashes, available, level) in [
            (76 * MIB, 4_096 * MIB, Level::Ok),
            (300 * MIB, 500 * MIB, Level::Warning),
            (400 * MIB, 500 * MIB, Level::Error),
            (u64::MAX, 500 * MIB, Level::Error),
        ] {
            let finding = of(hashes, available, (4, 4));
            assert_eq!(finding.level, level, "{finding:?}");
        }
        let finding = of(76 * MIB, 4_096 * MIB, (5, 4));
        assert_eq!(finding.level, Level::Warning);
        assert!(finding.found.contains("on 4 cores"), "{finding:?}");
    }

    #[test]
    fn the_limit_of_a_process_is_the_tightest_of_its_groups() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("system.slice/gatehouse.service");
        fs::create_dir_all(&own).unwrap();
        let of = |membership| group_limit(root.path(), membership);
        assert_eq!(of("0::/system.slice/gatehouse.service\n"), None);
        fs::write(own.join("memory.max"), "max\n").unwrap();
        fs::write(root.path().join("system.slice/memory.max"), "536870912\n").unwrap();
        assert_eq!(of("0::/system.slice/gatehouse.service\n"), Some(512 * MIB));
        fs::write(own.join("memory.max"), "268435456\n").unwrap();
        assert_eq!(of("1:cpu:/x\n0::/system.slice/gatehouse.service\n"), Some(256 * MIB));
        // Of a container.
        fs::write(root.path().join("memory.max"), "134217728\n").unwrap();
        assert_eq!(of("0::/\n"), Some(128 * MIB));
        assert_eq!(of("9:memory:/x\n"), None, "groups of the first version");
    }
}
