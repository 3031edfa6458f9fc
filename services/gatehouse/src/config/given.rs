//! The settings as one source gives them: all may be absent, none is checked.

use clap::Args;
use serde::Deserialize;

use super::kinds::{ADDRESS, LOG, SERVING, STORAGE};

/// What one source says. A setting has one name in three spellings: the flag
/// `--data-dir`, the variable `GATEHOUSE_DATA_DIR`, the key `data_dir`.
#[derive(Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// Address and port to serve on [default: 127.0.0.1:50051]
    #[arg(long, env = "GATEHOUSE_LISTEN", value_name = "ADDRESS:PORT")]
    #[arg(global = true, hide_env_values = true, help_heading = ADDRESS)]
    pub listen: Option<Text>,

    /// PEM file of the server's certificate, and of those between it and its CA. It and the key
    /// are read again when they change [default: none, plaintext]
    #[arg(long, env = "GATEHOUSE_TLS_CERTIFICATE", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true, help_heading = ADDRESS)]
    pub tls_certificate: Option<Text>,

    /// PEM file of the certificate's private key
    #[arg(long, env = "GATEHOUSE_TLS_KEY", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true, help_heading = ADDRESS)]
    pub tls_key: Option<Text>,

    /// PEM file of CAs: only clients with a certificate by one of them are let in; they need their
    /// API keys all the same [default: none, every client is]
    #[arg(long, env = "GATEHOUSE_TLS_CLIENT_CA", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub tls_client_ca: Option<Text>,

    /// Whether to listen without TLS where other machines can connect, true or false: for a
    /// private network behind a proxy that does TLS [default: false]
    #[arg(long, env = "GATEHOUSE_ALLOW_PLAINTEXT", value_name = "BOOL")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub allow_plaintext: Option<Text>,

    /// Address and port to serve metrics on, in plain HTTP to whoever can reach it: GET /metrics,
    /// for Prometheus [default: none; they are not served]
    #[arg(long, env = "GATEHOUSE_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub metrics_listen: Option<Text>,

    /// The collector that traces are sent to, by OTLP over gRPC: http:// or https://, a host and a
    /// port [default: OTEL_EXPORTER_OTLP_ENDPOINT, or none: nothing is traced]
    #[arg(long, env = "GATEHOUSE_TRACES_ENDPOINT", value_name = "URL")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub traces_endpoint: Option<Text>,

    /// PEM file of the CAs that the collector's certificate may be by
    /// [default: OTEL_EXPORTER_OTLP_CERTIFICATE, or those of the web]
    #[arg(long, env = "GATEHOUSE_TRACES_CA", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub traces_ca: Option<Text>,

    /// Which calls are traced: always_on, always_off or traceidratio; with parentbased_ before
    /// it those of a caller's trace as that says
    /// [default: OTEL_TRACES_SAMPLER, or parentbased_always_on]
    #[arg(long, env = "GATEHOUSE_TRACES_SAMPLER", value_name = "SAMPLER")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub traces_sampler: Option<Text>,

    /// Which share of calls traceidratio traces, 0 to 1 [default: OTEL_TRACES_SAMPLER_ARG, or 1]
    #[arg(long, env = "GATEHOUSE_TRACES_SAMPLER_ARG", value_name = "SHARE")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub traces_sampler_arg: Option<Text>,

    /// Folder for the database and the key ring; made with mode 0700 if there is none
    /// [default: ./gatehouse-data]
    #[arg(long, env = "GATEHOUSE_DATA_DIR", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true, help_heading = STORAGE)]
    pub data_dir: Option<Text>,

    /// sqlite:PATH or postgres://… [default: the file gatehouse.db in the data folder]
    #[arg(long, env = "GATEHOUSE_DATABASE_URL", value_name = "URL")]
    #[arg(global = true, hide_env_values = true, help_heading = STORAGE)]
    pub database_url: Option<Text>,

    /// File that holds the URL of the database, in place of it [default: none]
    #[arg(long, env = "GATEHOUSE_DATABASE_URL_FILE", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true, help_heading = STORAGE)]
    pub database_url_file: Option<Text>,

    /// Connections to the database at most, 2 to 1000; PostgreSQL gets one more, by which it
    /// is watched [default: 10]
    #[arg(long, env = "GATEHOUSE_DATABASE_CONNECTIONS", value_name = "NUMBER")]
    #[arg(global = true, hide_env_values = true, help_heading = STORAGE)]
    pub database_connections: Option<Text>,

    /// File of the keys that seal what is secret in the database, shared by all replicas.
    /// Made by itself, with mode 0600, only for an empty database. Without it the database
    /// is worth nothing: back it up, but not beside the database
    /// [default: the file keyring in the data folder]
    #[arg(long, env = "GATEHOUSE_KEY_RING", value_name = "PATH")]
    #[arg(global = true, hide_env_values = true, help_heading = STORAGE)]
    pub key_ring: Option<Text>,

    /// What to log: error, warn, info, debug, trace, or directives such as
    /// info,gatehouse=debug [default: info]
    #[arg(long, env = "GATEHOUSE_LOG", value_name = "FILTER")]
    #[arg(global = true, hide_env_values = true, help_heading = LOG)]
    pub log: Option<Text>,

    /// How to log: text or json [default: text]
    #[arg(long, env = "GATEHOUSE_LOG_FORMAT", value_name = "FORMAT")]
    #[arg(global = true, hide_env_values = true, help_heading = LOG)]
    pub log_format: Option<Text>,

    /// Whether to describe the API to anyone who asks, true or false
    /// [default: true where only this machine can ask]
    #[arg(long, env = "GATEHOUSE_REFLECTION", value_name = "BOOL")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub reflection: Option<Text>,

    /// Whether Envoy may ask before it passes requests on (envoy.service.auth.v3.Authorization),
    /// true or false [default: false]
    #[arg(long, env = "GATEHOUSE_ENVOY_AUTHORIZATION", value_name = "BOOL")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub envoy_authorization: Option<Text>,

    /// Password hashes at once, 1 to 1024; each takes the memory below and a core
    /// [default: as many as cores]
    #[arg(long, env = "GATEHOUSE_HASH_THREADS", value_name = "NUMBER")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub hash_threads: Option<Text>,

    /// Memory of one password hash in KiB, 19456 to 131072 [default: 19456]
    #[arg(long, env = "GATEHOUSE_HASH_MEMORY_KIB", value_name = "KIB")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub hash_memory_kib: Option<Text>,

    /// Passes of one password hash over its memory, 2 to 10 [default: 2]
    #[arg(long, env = "GATEHOUSE_HASH_PASSES", value_name = "NUMBER")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub hash_passes: Option<Text>,

    /// Changes under way at once, at most, one portal's at most half of them; past that
    /// callers are told to wait. Half as many may watch the audit trail [default: 1024]
    #[arg(long, env = "GATEHOUSE_MAX_IN_FLIGHT", value_name = "NUMBER")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub max_in_flight: Option<Text>,

    /// Days after which audit events are removed, from the oldest on, 1 to 36500; of several
    /// servers the shortest counts [default: none, they are kept for ever]
    #[arg(long, env = "GATEHOUSE_AUDIT_RETENTION_DAYS", value_name = "DAYS")]
    #[arg(global = true, hide_env_values = true, help_heading = SERVING)]
    pub audit_retention_days: Option<Text>,

    /// The last audit event that may have a digest without a key: the last that a version
    /// numbered that made no others. Retention removes none without a key after it, and `audit
    /// verify` reports each [default: 0]
    #[arg(long, env = "GATEHOUSE_AUDIT_UNKEYED_UNTIL", value_name = "NUMBER")]
    #[arg(global = true, hide_env_values = true)]
    pub audit_unkeyed_until: Option<Text>,
}

/// A value as it was written. It has no `Debug`: it may hold a password.
#[derive(Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Text(String);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl TryFrom<toml::Value> for Text {
    type Error = &'static str;

    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        match value {
            toml::Value::String(text) => Ok(Self(text)),
            toml::Value::Integer(number) => Ok(Self(number.to_string())),
            toml::Value::Boolean(switch) => Ok(Self(switch.to_string())),
            _ => Err("must be a string, a whole number or a boolean"),
        }
    }
}
