//! Where the database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which database, and where.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// A file that this process and a few beside it share.
    Sqlite(PathBuf),
    /// A server: `postgres://…`, which may hold a password.
    Postgres(String),
}

/// A text that is not the location of a database gatehouse can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be sqlite:PATH or postgres://…")]
pub struct UnknownDatabase;

impl FromStr for DatabaseLocation {
    type Err = UnknownDatabase;

    fn from_str(text: &str) -> Result<Self, UnknownDatabase> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
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
        for text in ["", "mysql://host/db", "sqlite:", "sqlite::memory:", "data/g.db"] {
            assert_eq!(text.parse::<DatabaseLocation>(), Err(UnknownDatabase), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let location = DatabaseLocation::Postgres("postgres://user:secret@host/db".to_owned());
        assert!(!format!("{location:?}").contains("secret"));
    }
}
