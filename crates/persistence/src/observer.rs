//! Who is told of what a store does, to count it.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gatehouse_domain::audit::Event;
use sea_orm::{DatabaseConnection, DbBackend, DbErr};

use crate::error::{is_conflict, is_lost_connection};

/// Something that a store has done.
#[derive(Debug)]
pub enum Observed<'a> {
    /// A statement was sent, and answered or given up.
    Statement {
        /// What kind it was of.
        kind: StatementKind,
        /// From when a connection was asked for to the answer.
        took: Duration,
        /// What came of it.
        outcome: Outcome,
    },
    /// A transaction that recorded this event was committed, for certain.
    Committed(&'a Event),
}

/// What a statement does, as far as its time depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// Reads rows.
    Read,
    /// Reads rows and locks them: it waits for whoever has them. SQLite has no such: there
    /// [`Self::Begin`] waits.
    Lock,
    /// Changes rows; on PostgreSQL it waits for whoever has them locked.
    Write,
    /// Begins a transaction. On SQLite it waits until it is the only one that writes.
    Begin,
    /// Makes one durable.
    Commit,
}

impl StatementKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Read, Self::Lock, Self::Write, Self::Begin, Self::Commit];

    /// What a statement that gives rows is.
    pub(crate) fn of(sql: &str) -> Self {
        if !sql.starts_with("SELECT") {
            Self::Write
        } else if sql.ends_with("FOR UPDATE") || sql.ends_with("FOR SHARE") {
            Self::Lock
        } else {
            Self::Read
        }
    }

    /// A word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Lock => "lock",
            Self::Write => "write",
            Self::Begin => "begin",
            Self::Commit => "commit",
        }
    }
}

/// What came of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it says.
    Done,
    /// It collided with another transaction.
    Conflict,
    /// The database ended the connection, had none, or did not answer in time.
    Unavailable,
    /// The database refused it: a duplicate, or a defect.
    Refused,
}

impl Outcome {
    /// Every one that is no success.
    pub const FAILURES: [Self; 3] = [Self::Conflict, Self::Unavailable, Self::Refused];

    pub(crate) fn of(error: &DbErr) -> Self {
        if is_conflict(error) {
            Self::Conflict
        } else if is_lost_connection(error)
            || matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_))
        {
            Self::Unavailable
        } else {
            Self::Refused
        }
    }

    /// A word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
        }
    }
}

/// A pool of connections at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// How many it may have.
    pub max: u32,
    /// How many it has, those in use included.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
}

impl PoolState {
    pub(crate) fn of(pool: &DatabaseConnection) -> Self {
        let state = |max, open, idle: usize| {
            // Read one after the other: more may be idle by now than were open.
            let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
            Self { max, open, idle }
        };
        if pool.get_database_backend() == DbBackend::Postgres {
            let pool = pool.get_postgres_connection_pool();
            state(pool.options().get_max_connections(), pool.size(), pool.num_idle())
        } else {
            let pool = pool.get_sqlite_connection_pool();
            state(pool.options().get_max_connections(), pool.size(), pool.num_idle())
        }
    }
}

type Tell = dyn Fn(Observed<'_>) + Send + Sync;

/// The one observer of a store, if it has one. Shared by its pools and transactions.
#[derive(Clone, Default)]
pub(crate) struct Observer(Arc<OnceLock<Box<Tell>>>);

impl Observer {
    pub(crate) fn set(&self, tell: impl Fn(Observed<'_>) + Send + Sync + 'static) {
        // A second one would hear of half of it.
        let _ = self.0.set(Box::new(tell));
    }

    pub(crate) fn is_there(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn tell(&self, observed: Observed<'_>) {
        if let Some(tell) = self.0.get() {
            tell(observed);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.is_there()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_gives_rows_reads_locks_or_writes() {
        for (sql, kind) in [
            (r#"SELECT "id" FROM "portal""#, StatementKind::Read),
            (r#"SELECT "id" FROM "portal" WHERE "id" = $1 FOR SHARE"#, StatementKind::Lock),
            (r#"SELECT "id" FROM "customer" WHERE "id" = $1 FOR UPDATE"#, StatementKind::Lock),
            (r#"UPDATE "key" SET "a" = 1 RETURNING "id""#, StatementKind::Write),
            (r#"INSERT INTO "key" ("a") VALUES (1) RETURNING "id""#, StatementKind::Write),
        ] {
            assert_eq!(StatementKind::of(sql), kind, "{sql}");
        }
    }

    #[test]
    fn words_are_of_one_kind_each() {
        let words = StatementKind::ALL.map(StatementKind::as_str);
        assert_eq!(words, ["read", "lock", "write", "begin", "commit"]);
        let words = Outcome::FAILURES.map(Outcome::as_str);
        assert_eq!(words, ["conflict", "unavailable", "refused"]);
    }

    #[test]
    fn only_the_first_observer_is_told() {
        let observer = Observer::default();
        assert!(!observer.is_there());
        let (told, hears) = std::sync::mpsc::channel();
        observer.set(move |_| told.send(1).unwrap());
        observer.set(|_| unreachable!("it is the second"));
        let (kind, outcome) = (StatementKind::Read, Outcome::Done);
        observer.tell(Observed::Statement { kind, took: Duration::ZERO, outcome });
        assert_eq!(hears.try_recv(), Ok(1));
    }
}
