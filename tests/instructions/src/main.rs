//! Counts the instructions of what gatehouse computes with every call, and holds them to a table: a
//! count is the same on a busy machine and a quiet one, where a time is not.
//!
//! A count depends on the compiler, the locked versions of dependencies, the C library's `malloc` and
//! `memcpy`, and on what valgrind tells of the processor: AVX2 where it has that, never AVX-512 or
//! the SHA extensions, for which production takes faster ways than those that are counted here. Without
//! AVX2, or on another architecture, nearly all counts are others than the table's.
//!
//! Where the instructions are spent tells `callgrind_annotate`, of what `run` leaves under callgrind.

mod callgrind;
mod check;
mod paths;
mod table;

use std::env;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

const USAGE: &str = "\
usage: gatehouse-instructions check [--update]   count all, compare with the table or write it
       gatehouse-instructions run NAME COUNT     call one so often, as `check` does under valgrind";

fn main() -> anyhow::Result<ExitCode> {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    match arguments.as_slice() {
        ["check"] => return check::check(),
        ["check", "--update"] => check::update()?,
        ["run", name, count] => {
            let path = paths::ALL.iter().find(|path| path.name == *name);
            let path = path.with_context(|| format!("nothing is named {name}"))?;
            let mut call = (path.prepare)().context(path.name)?;
            // What is made once, by the first call, is not counted.
            call();
            callgrind::counted(&mut call, count.parse().context("COUNT")?);
        }
        _ => bail!("{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}
