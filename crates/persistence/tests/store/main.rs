//! The rules of the store, every one of them checked on an SQLite file and on a
//! real PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at a surprise"
)]

/// Makes two tests of each rule, `sqlite::rule` and `postgres::rule`. A rule is
/// an `async fn(TestDatabase)`, and the database is its own.
macro_rules! on_both_databases {
    ($($rule:ident,)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule($crate::support::TestDatabase::sqlite()).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule($crate::support::TestDatabase::postgres().await).await;
            })+
        }
    };
}

/// A transaction again and again while it collides with others. At READ COMMITTED none
/// does, with the locks that it takes: there a collision is what it comes to.
macro_rules! again {
    ($transaction:expr) => {
        loop {
            match $transaction {
                Err(gatehouse_persistence::StoreError::Conflict(_))
                    if $crate::support::is_serializable() => {}
                result => break result,
            }
        }
    };
}

mod api_keys;
mod audit;
mod audit_chain;
mod audit_list;
mod authentication;
mod backup_codes;
mod collisions;
mod corrupt;
mod customer_list;
mod customers;
mod enrollments;
mod epoch;
mod examination;
mod factors;
mod housekeeping;
mod import;
mod invitations;
mod keys;
mod migration;
mod observer;
mod portals;
mod session_list;
mod sessions;
mod sign_ins;
mod support;
mod throttles;
mod transactions;
mod watch;
