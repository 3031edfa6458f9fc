//! Counts everything, each in a process of its own, and compares it with the table.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, iter, thread};

use anyhow::{Context as _, ensure};

use crate::callgrind;
use crate::paths;
use crate::table::{self, Table};

/// Whether the table holds, with everything that is to be changed in it if not.
pub fn check() -> anyhow::Result<ExitCode> {
    let table = read()?;
    let counted = count()?;
    let found = table::differences(&counted.counts, &table.counts, tolerance);

    for (name, count) in &counted.counts {
        let told = table.counts.get(name).copied();
        let change = told.map(|told| change(*count, told)).unwrap_or_default();
        let found = found.get(name).map(ToString::to_string).unwrap_or_default();
        println!("{}{change:>9}  {found}", table::line(name, *count));
    }
    for (name, found) in found.iter().filter(|(name, _)| !counted.counts.contains_key(*name)) {
        println!("{name:51}  {found}");
    }
    if found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }

    println!("\n{} is to be (`just instructions --update` writes it):", file().display());
    for name in found.keys() {
        if let Some(told) = table.counts.get(name) {
            println!("-{}", table::line(name, *told));
        }
        if let Some(count) = counted.counts.get(name) {
            println!("+{}", table::line(name, *count));
        }
    }
    if counted.made_with != table.made_with {
        println!(
            "\nThe table was made with other tools, which alone may be the reason. Without a change:"
        );
        println!("  it  {}\n  now {}", table.made_with.join(", "), counted.made_with.join(", "));
    }
    Ok(ExitCode::FAILURE)
}

/// Writes into the table what it does not hold true, and makes one where there is none.
pub fn update() -> anyhow::Result<()> {
    let table = if file().exists() { read()? } else { Table::default() };
    let mut counted = count()?;
    counted.keep(&table, tolerance);
    print!("{counted}");
    fs::write(file(), counted.to_string()).context(file().display().to_string())
}

fn read() -> anyhow::Result<Table> {
    let text = fs::read_to_string(file()).context(file().display().to_string())?;
    Table::parse(&text)
}

fn file() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "instructions.txt"].iter().collect()
}

/// In percent of what the table says.
fn change(count: u64, told: u64) -> String {
    let thousandths = count.abs_diff(told).saturating_mul(1_000) / told.max(1);
    let sign = match thousandths {
        0 => "",
        _ if count < told => "-",
        _ => "+",
    };
    format!("{sign}{}.{} %", thousandths / 10, thousandths % 10)
}

fn tolerance(name: &str) -> u64 {
    let path = paths::ALL.iter().find(|path| path.name == name);
    path.map_or(0, |path| path.tolerance)
}

/// As many at once as there are cores: counts do not care.
fn count() -> anyhow::Result<Table> {
    ensure!(!cfg!(debug_assertions), "it is to be built with the profile `instructions`");
    let program = env::current_exe()?;
    let next = AtomicUsize::new(0);
    let one_after_another = || {
        iter::from_fn(|| paths::ALL.get(next.fetch_add(1, Ordering::Relaxed)))
            .map(|path| {
                let count = callgrind::instructions(&program, path.name, path.calls)?;
                Ok((path.name.to_owned(), count))
            })
            .collect::<anyhow::Result<Vec<_>>>()
    };
    let counts = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, Into::into);
        let threads =
            iter::repeat_with(|| scope.spawn(one_after_another)).take(threads).collect::<Vec<_>>();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(Table { made_with: callgrind::made_with()?, counts: counts.into_iter().flatten().collect() })
}
