//! Settings: from flags, the environment and a TOML file, in that order.

mod audit;
mod envoy;
mod given;
pub(crate) mod kinds;
mod secret;
mod tls;
mod traces;
mod variables;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt::Display;
use std::net::SocketAddr;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use std::{fs, io};

use clap::ArgMatches;
use clap::parser::ValueSource;
use gatehouse_domain::field::Malformed;
use gatehouse_domain::password::HashParameters;
use gatehouse_persistence::DatabaseLocation;
use tracing_subscriber::EnvFilter;

pub use given::{Given, Text};
use secret::Secret;
pub(crate) use secret::{read_secret, read_secret_file};
pub use tls::TlsSettings;
pub use traces::{Sampling, TracesSettings};
pub use variables::unknown_variables;

use crate::hasher::HasherConfig;

/// What the program is told from outside, complete and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to serve.
    pub listen: SocketAddr,
    /// The files of TLS; none to serve without it.
    pub tls: Option<TlsSettings>,
    /// Whether others than this machine may be served without TLS.
    pub allow_plaintext: bool,
    /// Where to serve metrics, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where traces go, if anywhere.
    pub traces: Option<TracesSettings>,
    /// The folder of the default database and key ring.
    pub data_dir: PathBuf,
    /// Which database.
    pub database: DatabaseLocation,
    /// Connections to it at most.
    pub database_connections: u32,
    /// The file of the key ring.
    pub key_ring: PathBuf,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Whether the server describes its API to anyone who asks.
    pub reflection: bool,
    /// Whether Envoy may ask before it passes requests on.
    pub envoy_authorization: bool,
    /// How passwords are hashed.
    pub hasher: HasherConfig,
    /// Changes under way at once, at most. Half as many may watch the audit trail.
    pub max_in_flight: usize,
    /// For how long audit events are kept; none for ever.
    pub audit_retention: Option<Duration>,
    /// The last audit event that may have a digest without a key.
    pub audit_unkeyed_until: i64,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// Directives as [`EnvFilter`] reads them.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings in {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML, or holds what is not a setting.
    #[error("in {}, line {line}: {why}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Without the text of the line, which may be secret.
        why: String,
    },
    /// The environment holds what is not a setting.
    #[error("{name}: this environment variable is not a setting")]
    Variable {
        /// Its name.
        name: String,
    },
    /// A setting has no usable value.
    #[error("{setting} (from {origin}): {why}")]
    Value {
        /// Its name in the file.
        setting: &'static str,
        /// The flag, variable or file that gave the value.
        origin: String,
        /// Without the value, which may be secret.
        why: String,
    },
    /// A setting means nothing without another.
    #[error("{setting} is given without {missing}, which belongs to it")]
    Incomplete {
        /// The one that is given.
        setting: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// Keys, passwords and codes would cross a network in clear.
    #[error(
        "listen: {listen} can be reached from other machines, and there is no TLS: give \
         tls_certificate and tls_key, or set allow_plaintext to true where a proxy on a private \
         network does TLS"
    )]
    Plaintext {
        /// Where to serve.
        listen: SocketAddr,
    },
    /// The settings of the password hash do not go together.
    #[error("hash_memory_kib, hash_passes: {0}")]
    Hash(#[from] Malformed),
}

impl Settings {
    /// From what the command line and the environment gave, and the file at
    /// `file`. `matches` is what `given` was read from. With all that is wrong with them:
    /// the defaults are in the place of what cannot be used.
    pub fn read(
        given: &Given,
        matches: &ArgMatches,
        file: Option<&Path>,
    ) -> (Self, Vec<ConfigError>) {
        let (in_file, wrong) = match file.map(read_file).transpose() {
            Ok(in_file) => (in_file.unwrap_or_default(), Vec::new()),
            Err(error) => (Given::default(), vec![error]),
        };
        let sources = Sources { given, matches, in_file, file, wrong: RefCell::new(wrong) };
        (sources.settings(), sources.wrong.into_inner())
    }

    /// Refuses to serve other machines without TLS, unless that is asked for by name.
    ///
    /// # Errors
    /// [`ConfigError::Plaintext`].
    pub fn require_private_transport(&self) -> Result<(), ConfigError> {
        if self.is_plaintext_for_others() && !self.allow_plaintext {
            return Err(ConfigError::Plaintext { listen: self.listen });
        }
        Ok(())
    }

    /// Whether what is served crosses a network in clear.
    #[must_use]
    pub fn is_plaintext_for_others(&self) -> bool {
        self.tls.is_none() && !is_of_this_machine(self.listen)
    }
}

/// Whether nobody else reaches an address: a loopback one, also as IPv6 writes one of IPv4.
pub(crate) fn is_of_this_machine(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn read_file(path: &Path) -> Result<Given, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        // Its display text would quote the line.
        ConfigError::Malformed { path: path.to_owned(), line, why: error.message().to_owned() }
    })
}

struct Sources<'a> {
    given: &'a Given,
    matches: &'a ArgMatches,
    in_file: Given,
    file: Option<&'a Path>,
    /// What cannot be used, in the order in which it was found.
    wrong: RefCell<Vec<ConfigError>>,
}

impl Sources<'_> {
    fn settings(&self) -> Settings {
        let listen = self
            .value("listen", |given| &given.listen, parsed)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 50051)));
        let data_dir = self
            .value("data_dir", |given| &given.data_dir, path)
            .unwrap_or_else(|| PathBuf::from("gatehouse-data"));
        let database = self
            .secret(
                Secret { setting: "database_url", file_setting: "database_url_file" },
                |given| &given.database_url,
                |given| &given.database_url_file,
                parsed,
            )
            .unwrap_or_else(|| DatabaseLocation::Sqlite(data_dir.join("gatehouse.db")));
        let key_ring = self
            .value("key_ring", |given| &given.key_ring, path)
            .unwrap_or_else(|| data_dir.join("keyring"));
        Settings {
            listen,
            tls: self.tls(),
            allow_plaintext: self
                .value("allow_plaintext", |given| &given.allow_plaintext, switch)
                .unwrap_or(false),
            metrics_listen: self.value("metrics_listen", |given| &given.metrics_listen, parsed),
            traces: self.traces(),
            data_dir,
            database,
            database_connections: self
                .value(
                    "database_connections",
                    |given| &given.database_connections,
                    number(2..=1_000),
                )
                .unwrap_or(10),
            key_ring,
            log: LogSettings {
                filter: self
                    .value("log", |given| &given.log, filter)
                    .unwrap_or_else(|| "info".to_owned()),
                format: self
                    .value("log_format", |given| &given.log_format, format)
                    .unwrap_or(LogFormat::Text),
            },
            reflection: self
                .value("reflection", |given| &given.reflection, switch)
                .unwrap_or_else(|| is_of_this_machine(listen)),
            envoy_authorization: self.envoy_authorization(),
            hasher: self.hasher(),
            max_in_flight: self
                .value("max_in_flight", |given| &given.max_in_flight, number(1..=1_000_000))
                .unwrap_or(1_024),
            audit_retention: self.audit_retention(),
            audit_unkeyed_until: self.audit_unkeyed_until(),
        }
    }

    fn hasher(&self) -> HasherConfig {
        let most_threads = NonZero::<u32>::MIN.saturating_add(1_023);
        let defaults = HasherConfig::default();
        let threads = self
            .value(
                "hash_threads",
                |given| &given.hash_threads,
                number(NonZero::<u32>::MIN..=most_threads),
            )
            .unwrap_or(defaults.threads);
        let memory_kib = self
            .value("hash_memory_kib", |given| &given.hash_memory_kib, number(19_456..=131_072))
            .unwrap_or(19_456);
        let passes =
            self.value("hash_passes", |given| &given.hash_passes, number(2..=10)).unwrap_or(2);
        match HashParameters::new(memory_kib, passes, 1) {
            Ok(parameters) => HasherConfig {
                parameters,
                threads,
                // Threads are the bound that operators set; each has the memory it needs.
                memory_kib: memory_kib.saturating_mul(threads.get()),
                ..defaults
            },
            Err(malformed) => {
                self.wrong.borrow_mut().push(malformed.into());
                defaults
            }
        }
    }

    /// The value of one setting, if any source gives one that can be used.
    fn value<T, E: Display>(
        &self,
        setting: &'static str,
        of: impl Fn(&Given) -> &Option<Text>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let (text, origin) = self.source(setting, of)?;
        let invalid = |why: E| ConfigError::Value { setting, origin, why: why.to_string() };
        self.noted(parse(text.as_str()).map_err(invalid))
    }

    /// What was read; what is wrong with it is noted.
    fn noted<T>(&self, read: Result<T, ConfigError>) -> Option<T> {
        read.map_err(|error| self.wrong.borrow_mut().push(error)).ok()
    }

    /// What the first source that says something of a setting says, and its name.
    fn source(
        &self,
        setting: &str,
        of: impl Fn(&Given) -> &Option<Text>,
    ) -> Option<(&Text, String)> {
        match (of(self.given), of(&self.in_file)) {
            (Some(text), _) => Some((text, self.origin_of_given(setting))),
            (None, Some(text)) => {
                Some((text, self.file.map_or_else(String::new, |path| path.display().to_string())))
            }
            (None, None) => None,
        }
    }

    fn origin_of_given(&self, setting: &str) -> String {
        match self.matches.value_source(setting) {
            Some(ValueSource::EnvVariable) => format!("GATEHOUSE_{}", setting.to_uppercase()),
            _ => format!("--{}", setting.replace('_', "-")),
        }
    }
}

fn parsed<T: FromStr>(text: &str) -> Result<T, T::Err> {
    text.parse()
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("must not be empty") } else { Ok(text.into()) }
}

fn number<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl FnOnce(&str) -> Result<T, String> {
    move |text| {
        let value = text.parse().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| format!("must be a number from {} to {}", range.start(), range.end()))
    }
}

fn switch(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

fn format(text: &str) -> Result<LogFormat, &'static str> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json"),
    }
}

fn filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::builder().parse(text).map(|_| text.to_owned())
}
