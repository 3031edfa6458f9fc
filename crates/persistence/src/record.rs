//! What a call sends to the database, for tests that count it and look at its plans.

use std::collections::BTreeSet;
use std::fmt;

use sea_orm::Statement;

/// Something that was sent to the database and answered without an error.
#[derive(Clone, Debug)]
pub enum Sent {
    /// The beginning of a transaction.
    Begin {
        /// Its number, by which the others name it.
        transaction: usize,
    },
    /// A statement.
    Statement {
        /// The transaction that it is part of. Without one it is one by itself.
        transaction: Option<usize>,
        /// Its text and values.
        statement: Box<Statement>,
        /// Whether it changed anything.
        has_changed: bool,
    },
    /// The end of a transaction that is to last. One without it has been rolled back.
    Commit {
        /// Its number.
        transaction: usize,
    },
}

/// How much was sent. What sets something for a transaction of PostgreSQL, and SQLite has
/// no need of, is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Statements, without the beginnings and ends of transactions.
    pub statements: usize,
    /// Those of them that are no part of a transaction: each takes a connection.
    pub alone: usize,
    /// Transactions that were begun.
    pub transactions: usize,
    /// Those of them that were rolled back.
    pub rollbacks: usize,
    /// Commits of something that has changed: each waits for the disk. A statement alone
    /// that changes something is one.
    pub commits: usize,
}

impl Sent {
    pub(crate) fn statement(transaction: Option<usize>, sent: &Statement, rows: u64) -> Self {
        // What is read has no effect, however much of it there is.
        let has_changed = rows > 0 && !begins_with(&sent.sql, "SELECT");
        Self::Statement { transaction, statement: Box::new(sent.clone()), has_changed }
    }

    /// The text of a statement that does something to what is stored.
    #[must_use]
    pub fn sql(&self) -> Option<&str> {
        match self {
            Self::Statement { statement, .. } => {
                Some(statement.sql.as_str()).filter(|sql| !begins_with(sql, "SET "))
            }
            Self::Begin { .. } | Self::Commit { .. } => None,
        }
    }
}

/// As a line, the transaction first.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { transaction } => write!(f, "[{transaction}] BEGIN"),
            Self::Commit { transaction } => write!(f, "[{transaction}] COMMIT"),
            Self::Statement { transaction, statement, has_changed } => {
                match transaction {
                    Some(transaction) => write!(f, "[{transaction}] ")?,
                    None => f.write_str("[-] ")?,
                }
                f.write_str(&statement.sql)?;
                f.write_str(if *has_changed { " -- changed" } else { "" })
            }
        }
    }
}

impl Counts {
    /// Of all that was sent.
    #[must_use]
    pub fn of(sent: &[Sent]) -> Self {
        let mut counts = Self::default();
        let (mut changing, mut ended) = (BTreeSet::new(), 0);
        for sent in sent {
            match sent {
                Sent::Begin { .. } => counts.transactions += 1,
                Sent::Statement { transaction: None, has_changed, .. } => {
                    counts.statements += 1;
                    counts.alone += 1;
                    counts.commits += usize::from(*has_changed);
                }
                Sent::Statement { transaction: Some(transaction), has_changed, .. } => {
                    counts.statements += usize::from(sent.sql().is_some());
                    if *has_changed {
                        changing.insert(*transaction);
                    }
                }
                Sent::Commit { transaction } => {
                    ended += 1;
                    counts.commits += usize::from(changing.contains(transaction));
                }
            }
        }
        counts.rollbacks = counts.transactions.saturating_sub(ended);
        counts
    }
}

fn begins_with(sql: &str, word: &str) -> bool {
    sql.trim_start().get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word))
}
