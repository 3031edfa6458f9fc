//! What can go wrong in storage, classified once.

use std::error::Error;

use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError, SqlxPostgresError};

type Source = Box<dyn Error + Send + Sync>;

/// Why a storage operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique index already holds the value. The transaction is lost.
    #[error("a row with that key exists")]
    Duplicate,
    /// A row that no version of gatehouse writes: half-known, or not decodable.
    #[error("row {id} of {table} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key, which holds no secret.
        id: String,
    },
    /// The database is away, or too slow to answer. Says nothing about the data.
    #[error("the database is unavailable")]
    Unavailable(#[source] Source),
    /// A serialization failure, a deadlock or a lock that was not to be had (SQLSTATE
    /// 40001, 40P01, 55P03): worth another try from the start of the transaction.
    #[error("the transaction collided with another")]
    Conflict(#[source] Source),
    /// A newer gatehouse has changed the schema so that this one cannot run on it.
    #[error("the database belongs to a newer gatehouse: run that version, or a newer one")]
    SchemaTooNew,
    /// The database refused a statement: a defect of gatehouse or of the schema.
    #[error("the database refused a statement")]
    Internal(#[source] Source),
}

/// A result of this crate.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => return Self::Duplicate,
            // The parent was deleted by a transaction that committed first.
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => return Self::Conflict(error.into()),
            _ => {}
        }
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error.into()),
            DbErr::Exec(RuntimeErr::SqlxError(source))
            | DbErr::Query(RuntimeErr::SqlxError(source)) => match sqlx_class(source) {
                Class::Conflict => Self::Conflict(error.into()),
                Class::Unavailable => Self::Unavailable(error.into()),
                Class::Refused => Self::Internal(error.into()),
            },
            _ => Self::Internal(error.into()),
        }
    }
}

/// Whether it did nothing because of another transaction, and is worth another try.
pub(crate) fn is_conflict(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(source)) | DbErr::Query(RuntimeErr::SqlxError(source))) =
        error
    else {
        return false;
    };
    matches!(sqlx_class(source), Class::Conflict)
}

/// Whether the connection that it was sent on had been ended by the other side.
pub(crate) fn is_lost_connection(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(source))
    | DbErr::Query(RuntimeErr::SqlxError(source))
    | DbErr::Conn(RuntimeErr::SqlxError(source))) = error
    else {
        return false;
    };
    match &**source {
        SqlxError::Io(_) | SqlxError::Protocol(_) => true,
        SqlxError::Database(refusal) => {
            // Connection exceptions, and shutdowns.
            let code = refusal.code().unwrap_or_default();
            refusal.try_downcast_ref::<SqlxPostgresError>().is_some()
                && (code.starts_with("08") || code.starts_with("57P"))
        }
        _ => false,
    }
}

/// Whether SQLite refused because another connection has the file.
pub(crate) fn is_sqlite_busy(error: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(source)) | DbErr::Exec(RuntimeErr::SqlxError(source))) =
        error
    else {
        return false;
    };
    let Some(refusal) = source.as_database_error() else { return false };
    refusal.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == BUSY)
}

/// SQLite's SQLITE_BUSY.
const BUSY: u32 = 5;

enum Class {
    Conflict,
    Unavailable,
    Refused,
}

fn sqlx_class(error: &SqlxError) -> Class {
    match error {
        SqlxError::Database(refusal) => {
            let code = refusal.code().unwrap_or_default();
            if refusal.try_downcast_ref::<SqlxPostgresError>().is_some() {
                postgres_class(&code)
            } else {
                sqlite_class(&code)
            }
        }
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::Protocol(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => Class::Unavailable,
        _ => Class::Refused,
    }
}

/// PostgreSQL, appendix A: SQLSTATE codes.
fn postgres_class(code: &str) -> Class {
    match code {
        // The third: lock not available in the time that was asked for.
        "40001" | "40P01" | "55P03" => Class::Conflict,
        // Read-only transaction (a standby), statement timeout.
        "25006" | "57014" => Class::Unavailable,
        // Connection exception, insufficient resources, operator intervention, system error.
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            Class::Unavailable
        }
        _ => Class::Refused,
    }
}

/// SQLite's result codes; the primary one is in the low byte.
fn sqlite_class(code: &str) -> Class {
    const LOCKED: u32 = 6;
    const READ_ONLY: u32 = 8;
    const INTERRUPT: u32 = 9;
    const IO_ERROR: u32 = 10;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(BUSY | LOCKED | READ_ONLY | INTERRUPT | IO_ERROR | FULL | CANNOT_OPEN) => {
            Class::Unavailable
        }
        _ => Class::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_database_is_never_a_defect_and_a_defect_never_a_lost_database() {
        for code in ["08006", "53300", "57P01", "57014", "58030", "25006"] {
            assert!(matches!(postgres_class(code), Class::Unavailable), "{code}");
        }
        for code in ["42601", "23502", "22P02", ""] {
            assert!(matches!(postgres_class(code), Class::Refused), "{code}");
        }
        for code in ["5", "261", "517", "10", "522", "13", "8", "14"] {
            assert!(matches!(sqlite_class(code), Class::Unavailable), "{code}");
        }
        for code in ["1", "19", "20", ""] {
            assert!(matches!(sqlite_class(code), Class::Refused), "{code}");
        }
    }

    #[test]
    fn collisions_are_worth_another_try() {
        for code in ["40001", "40P01", "55P03"] {
            assert!(matches!(postgres_class(code), Class::Conflict), "{code}");
        }
    }
}
