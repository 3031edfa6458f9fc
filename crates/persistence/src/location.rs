//! Where the database is.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Which database, and where.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// A file that this process and a few beside it share.
    Sqlite(PathBuf),
    /// A server: `postgres://…`, which may hold a password.
    Postgres(String),
}

impl DatabaseLocation {
    /// The name of what is there, as OpenTelemetry's conventions have it (`db.system.name`).
    #[must_use]
    pub const fn system(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }

    /// Whether the way there leaves this machine and may be without TLS: `sslmode` is one of
    /// those that go on in plaintext where the server, or who claims to be it, has no TLS.
    #[must_use]
    pub fn may_be_in_clear(&self) -> bool {
        let Self::Postgres(url) = self else { return false };
        let Ok(options) = url.parse::<PgConnectOptions>() else { return true };
        let host = options.get_host();
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_of_this_machine = options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || ip.is_ok_and(|ip| ip.to_canonical().is_loopback());
        let requires_tls = matches!(
            options.get_ssl_mode(),
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
        );
        !is_of_this_machine && !requires_tls
    }
}

/// A text that is not the location of a database gatehouse can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE, in which a #, / or ? of the \
     password is written as %23, %2F or %3F"
)]
pub struct UnknownDatabase;

impl FromStr for DatabaseLocation {
    type Err = UnknownDatabase;

    fn from_str(text: &str) -> Result<Self, UnknownDatabase> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // Here and not at the first connection, whose error would repeat the text.
            let parsed = text.parse::<PgConnectOptions>();
            return parsed.map(|_| Self::Postgres(text.to_owned())).map_err(|_| UnknownDatabase);
        }
        let path = text.strip_prefix("sqlite:").ok_or(UnknownDatabase)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        // In memory, a database would vanish with its idle connection.
        if path.is_empty() || path.contains('?') || path.starts_with(':') {
            return Err(UnknownDatabase);
        }
        Ok(Self::Sqlite(path.into()))
    }
}

/// Without what may be secret.
impl fmt::Display for DatabaseLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "the file {}", path.display()),
            Self::Postgres(url) => {
                let options = url.parse::<PgConnectOptions>().map_err(|_| fmt::Error)?;
                let database = options.get_database().unwrap_or_default();
                write!(f, "the database {database:?} at {}", options.get_host())?;
                write!(f, ":{}", options.get_port())
            }
        }
    }
}

impl fmt::Debug for DatabaseLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_and_nothing_else() {
        for text in ["sqlite:data/g.db", "sqlite://data/g.db"] {
            assert_eq!(text.parse(), Ok(DatabaseLocation::Sqlite("data/g.db".into())));
        }
        assert_eq!("sqlite:///g.db".parse(), Ok(DatabaseLocation::Sqlite("/g.db".into())));
        let url = "postgres://user:secret@host/db";
        assert_eq!(url.parse(), Ok(DatabaseLocation::Postgres(url.to_owned())));
        let unusable = ["postgres://user:se#cret@host/db", "postgres://host:port/db"];
        let others = ["", "mysql://host/db", "sqlite:", "sqlite::memory:", "data/g.db"];
        for text in others.into_iter().chain(unusable) {
            assert_eq!(text.parse::<DatabaseLocation>(), Err(UnknownDatabase), "{text}");
        }
    }

    #[test]
    fn the_way_to_another_machine_may_be_in_clear_unless_tls_is_required() {
        for (url, expected) in [
            ("postgres://g:s@db.example.com/g", true),
            ("postgres://g:s@192.0.2.1/g?sslmode=disable", true),
            ("postgres://g:s@db/g?sslmode=allow", true),
            ("postgres://g:s@db/g?sslmode=prefer", true),
            ("postgres://g:s@db/g?sslmode=require", false),
            ("postgres://g:s@db/g?sslmode=verify-ca", false),
            ("postgres://g:s@db/g?sslmode=verify-full&sslrootcert=ca.pem", false),
            ("postgres://g:s@localhost/g", false),
            ("postgres://g:s@127.0.0.1:5433/g", false),
            ("postgres://g:s@[::1]/g", false),
            ("postgres:///g?host=/run/postgresql&user=g", false),
            ("postgres://g@%2Frun%2Fpostgresql/g", false),
            ("sqlite:g.db", false),
        ] {
            let location = url.parse::<DatabaseLocation>().unwrap();
            assert_eq!(location.may_be_in_clear(), expected, "{url}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let location = DatabaseLocation::Postgres("postgres://user:secret@host/db".to_owned());
        assert!(!format!("{location:?} {location}").contains("secret"));
        assert_eq!(location.to_string(), "the database \"db\" at host:5432");
    }
}
