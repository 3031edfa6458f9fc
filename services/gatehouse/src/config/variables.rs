//! Variables of the environment that mean to be settings and are none.

use std::collections::BTreeSet;
use std::env;

use clap::Command;

use super::ConfigError;

/// A [`ConfigError::Variable`] for each variable that looks like a setting of `command` and is
/// none.
pub fn unknown_variables(command: &Command) -> Vec<ConfigError> {
    let mut known = BTreeSet::new();
    let mut commands = vec![command];
    while let Some(command) = commands.pop() {
        known.extend(command.get_arguments().filter_map(clap::Arg::get_env));
        commands.extend(command.get_subcommands());
    }
    env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| !known.contains(name.as_os_str()))
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("GATEHOUSE_") && !is_of_kubernetes(name))
        .map(|name| ConfigError::Variable { name })
        .collect()
}

/// Whether Kubernetes gives every container this variable where there is a
/// service of the name `gatehouse`.
fn is_of_kubernetes(name: &str) -> bool {
    matches!(name, "GATEHOUSE_SERVICE_HOST" | "GATEHOUSE_SERVICE_PORT" | "GATEHOUSE_PORT")
        || name.starts_with("GATEHOUSE_SERVICE_PORT_")
        || name.starts_with("GATEHOUSE_PORT_")
}
