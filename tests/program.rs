//! The `gatehouse` command, as in services/gatehouse/src/main.rs.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    gatehouse::command::run(env::args_os())
}
