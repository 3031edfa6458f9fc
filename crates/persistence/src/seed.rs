//! Filling a database for measurements: many customers at once, as if each had come
//! the usual way. Compiled for tools that measure alone.

use gatehouse_domain::audit::Event;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::session::Session;
use gatehouse_domain::vault::{ChainKey, Digest};
use sea_orm::EntityTrait;

use crate::customers::{self, SealedPassword};
use crate::entity::{audit_event, customer, factor, session};
use crate::error::Result;
use crate::factors::{self, SealedSecret};
use crate::store::Tx;
use crate::{audit, sessions};

/// Customers of one statement at most: of the widest table, 18 columns, PostgreSQL takes
/// 3,640 rows and SQLite 1,820.
pub const SEEDED_AT_ONCE: usize = 1_000;

/// A customer with all that they came with.
#[derive(Debug)]
pub struct SeededCustomer {
    /// The customer.
    pub customer: Customer,
    /// The hash of their password.
    pub password: SealedPassword,
    /// The factor in force.
    pub factor: Option<(Factor, SealedSecret)>,
    /// A session, and the digest of its token.
    pub session: Option<(Session, Digest)>,
    /// What the audit trail tells of it.
    pub event: Option<Event>,
}

impl Tx {
    /// Makes at most [`SEEDED_AT_ONCE`] customers, and numbers their events under `key`, while
    /// no server runs.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn insert_seeded(&self, seeded: Vec<SeededCustomer>, key: &ChainKey) -> Result<()> {
        self.lift_statement_limit().await?;
        let mut customers = Vec::with_capacity(seeded.len());
        let (mut factors, mut sessions, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for one in seeded {
            customers.push(customers::new_row(&one.customer, Some(one.password)));
            factors.extend(one.factor.map(|(row, secret)| factors::new_row(&row, secret)));
            sessions.extend(one.session.map(|(row, digest)| sessions::new_row(&row, &digest)));
            if let Some(event) = &one.event {
                events.push(audit::new_row(event)?);
            }
        }
        self.number_new(&mut events, key).await?;
        if !customers.is_empty() {
            customer::Entity::insert_many(customers).exec_without_returning(&self.0).await?;
        }
        if !factors.is_empty() {
            factor::Entity::insert_many(factors).exec_without_returning(&self.0).await?;
        }
        if !sessions.is_empty() {
            session::Entity::insert_many(sessions).exec_without_returning(&self.0).await?;
        }
        if !events.is_empty() {
            audit_event::Entity::insert_many(events).exec_without_returning(&self.0).await?;
        }
        Ok(())
    }
}
