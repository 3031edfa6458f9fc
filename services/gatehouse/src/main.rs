//! The `gatehouse` command.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    gatehouse::command::run(env::args_os())
}
