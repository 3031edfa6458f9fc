//! What is counted, and how callgrind is asked for it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::paths::Call;

/// Callgrind counts from where this function begins to where it ends, and finds it by its name.
#[inline(never)]
pub fn counted(call: &mut Call, count: u64) {
    for _ in 0..count {
        call();
    }
}

/// With wildcards, for what the compiler adds to the name.
const COUNTED: &str = "gatehouse_instructions::callgrind::counted*";

/// The instructions of one call of what `program` calls `name`, over `calls` of them.
pub fn instructions(program: &Path, name: &str, calls: u64) -> anyhow::Result<u64> {
    let folder = program.parent().context("the program is in no folder")?;
    let file = program.file_name().context("the program has no name")?;
    let output = Command::new("valgrind")
        // Where the stack begins depends on the length of all these.
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir(folder)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(Path::new(".").join(file))
        .args(["run", name, &calls.to_string()])
        .output()
        .context("valgrind, Debian's package of that name (tests/install)")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}\n{told}", output.status);
    match collected(&told) {
        None => bail!("{name}: callgrind has told no count:\n{told}"),
        Some(0) => bail!("{name}: callgrind has not found {COUNTED}"),
        Some(collected) => Ok(collected / calls),
    }
}

/// The count in what callgrind writes at its end.
fn collected(told: &str) -> Option<u64> {
    let count = told.lines().find_map(|line| {
        let (_, message) = line.strip_prefix("==")?.split_once("== ")?;
        message.strip_prefix("Collected :")
    });
    count?.trim().parse().ok()
}

/// What counts depend on beside the code, as far as it can be told.
pub fn made_with() -> anyhow::Result<Vec<String>> {
    let [rustc, valgrind, libc] =
        [["rustc", "--version"], ["valgrind", "--version"], ["getconf", "GNU_LIBC_VERSION"]].map(
            |[program, argument]| {
                let output = Command::new(program).arg(argument).output().context(program)?;
                anyhow::Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            },
        );
    Ok(vec![rustc?, valgrind?, libc?, std::env::consts::ARCH.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_callgrind_writes() {
        let told = "\
==4711== Callgrind, a call-graph generating cache profiler
==4711== For interactive control, run 'callgrind_control -h'.
==4711==
==4711== Events    : Ir
==4711== Collected : 1234567
==4711==
==4711== I   refs:      1,234,567
";
        assert_eq!(collected(told), Some(1_234_567));
    }

    #[test]
    fn what_the_program_writes_itself_is_no_count() {
        for told in ["", "Collected : 7", "==1== Collected :", "==1== Collected : 7 8", "==1=="] {
            assert_eq!(collected(told), None, "{told:?}");
        }
    }
}
