//! Which settings each command goes by: its help and its completions have these, and its flags
//! are these. From the environment and the file a command takes what is there, as both are the
//! server's.

use std::env;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};

use super::Cli;
use crate::config::kinds::{ADDRESS, LOG, SERVING, STORAGE};

/// A flag that means nothing to the command that it was given to.
#[derive(Debug, thiserror::Error)]
#[error(
    "{flag}: `gatehouse {command}` does not go by it; `gatehouse {command} --help` has what it \
     goes by"
)]
pub(super) struct Meaningless {
    flag: String,
    command: String,
}

/// Kinds of settings that a command goes by.
fn kinds_of(command: &str) -> &'static [&'static str] {
    match command {
        // The doctor looks at all of them.
        "serve" | "doctor" => &[ADDRESS, STORAGE, SERVING, LOG],
        // Clients, to whom settings only tell where the server of this machine is.
        "healthcheck" | "admin" => &[ADDRESS, LOG],
        "completions" => &[],
        _ => &[STORAGE, LOG],
    }
}

/// Whether an argument is no setting, or one that `command` goes by.
fn is_of(command: &str, arg: &Arg) -> bool {
    arg.get_help_heading().is_none_or(|kind| kinds_of(command).contains(&kind))
}

/// The command line with every setting, as it is parsed. Settings are taken before and after a
/// command, whose help has those that it goes by.
#[must_use]
pub fn definition() -> Command {
    let whole = Cli::command();
    let settings: Vec<_> = whole.get_arguments().cloned().collect();
    whole.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        let others = settings.iter().filter(|arg| !is_of(&name, arg));
        command.args(others.map(|arg| arg.clone().hide(true)))
    })
}

/// The command line as shells complete it, to which hidden or not is the same.
pub(super) fn completed() -> Command {
    let whole = Cli::command();
    let settings: Vec<_> = whole.get_arguments().cloned().collect();
    whole.mut_args(|arg| arg.global(false)).mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        command.args(settings.iter().filter(|arg| is_of(&name, arg)))
    })
}

/// Refuses a setting that was typed for a command that does not go by it.
///
/// # Errors
/// [`Meaningless`].
pub(super) fn refuse_meaningless(matches: &ArgMatches) -> Result<(), Meaningless> {
    let command = matches.subcommand_name().unwrap_or("serve");
    let is_typed =
        |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let definition = Cli::command();
    let mut typed = definition.get_arguments().filter(is_typed);
    match typed.find(|arg| !is_of(command, arg)) {
        None => Ok(()),
        Some(arg) => Err(Meaningless {
            flag: format!("--{}", arg.get_long().unwrap_or_default()),
            command: command.to_owned(),
        }),
    }
}

/// What clap says of a value, by the variable where that is its source: clap names the flag,
/// which nobody has typed.
pub(super) fn by_source(mut error: clap::Error, typed: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = named.split(' ').next().unwrap_or_default();
    let is_flag = |word: &OsString| {
        let rest = word.to_str().and_then(|word| word.strip_prefix(flag));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    if !typed.iter().any(is_flag)
        && let Some(variable) = variable(&Cli::command(), flag)
    {
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error
}

/// The variable of `flag`, if it is set.
fn variable(command: &Command, flag: &str) -> Option<String> {
    let is_named = |arg: &&Arg| arg.get_long().is_some_and(|long| flag == format!("--{long}"));
    let own = command.get_arguments().find(is_named).and_then(Arg::get_env);
    match own.filter(|name| env::var_os(name).is_some()) {
        Some(name) => Some(name.to_string_lossy().into_owned()),
        None => command.get_subcommands().find_map(|command| variable(command, flag)),
    }
}
