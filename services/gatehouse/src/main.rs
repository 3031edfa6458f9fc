//! The `gatehouse` command.

use std::env;
use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A call makes many small values that another thread drops. SQLite's come from it, too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    gatehouse::command::run(env::args_os())
}
