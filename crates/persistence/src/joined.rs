//! What is read together: rows of several tables by one statement.

use std::fmt::Write as _;
use std::sync::LazyLock;

use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::session::Session;
use gatehouse_domain::sign_in::SignIn;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::{
    ConnectionTrait, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult, Statement,
    Value,
};

use crate::entity::{customer, factor, session, sign_in};
use crate::error::Result;
use crate::factors::{self, SealedSecret};
use crate::store::Queries;
use crate::{customers, sessions, sign_ins};

/// What somebody presents a token of, with the customer and their factor in force.
pub type WithCustomer<T> = (T, Customer, Option<(Factor, SealedSecret)>);

impl<C: ConnectionTrait> Queries<C> {
    /// The live sign-in of `portal` that has one of these token digests, and whose it is.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn sign_in_with_customer(
        &self,
        portal: &PortalId,
        digests: &[Digest],
        now: Timestamp,
    ) -> Result<Option<WithCustomer<SignIn>>> {
        static SELECT: LazyLock<String> = LazyLock::new(|| held::<sign_in::Entity>("sign_in"));
        let held = self.held::<sign_in::Model>(&SELECT, portal, digests, Some(now)).await?;
        held.map(|(row, customer, factor)| Ok((sign_ins::decode(row)?, customer, factor)))
            .transpose()
    }

    /// The session of `portal` that has one of these token digests, live or not, and
    /// whose it is.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_with_customer(
        &self,
        portal: &PortalId,
        digests: &[Digest],
    ) -> Result<Option<WithCustomer<Session>>> {
        static SELECT: LazyLock<String> = LazyLock::new(|| held::<session::Entity>("session"));
        let held = self.held::<session::Model>(&SELECT, portal, digests, None).await?;
        held.map(|(row, customer, factor)| Ok((sessions::decode(row)?, customer, factor)))
            .transpose()
    }

    /// The row of `portal` that has one of these token digests, live at `live_at` if that is
    /// asked for, by a statement that begins with `select`.
    async fn held<M: FromQueryResult>(
        &self,
        select: &str,
        portal: &PortalId,
        digests: &[Digest],
        live_at: Option<Timestamp>,
    ) -> Result<Option<WithCustomer<M>>> {
        let mut sql = format!(
            "{select} WHERE t.token_digest IN ({}) AND t.portal_id = $1",
            parameters(2, digests.len())
        );
        let mut values = vec![Value::from(portal.as_str())];
        values.extend(digests.iter().map(|digest| Value::from(digest.as_bytes())));
        if let Some(at) = live_at {
            values.push(at.as_micros().into());
            let at = parameters(values.len(), 1);
            sql = format!("{sql} AND t.ended_at IS NULL AND t.expires_at > {at}");
        }
        let backend = self.0.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let Some(row) = self.0.query_one_raw(statement).await? else { return Ok(None) };
        let (customer, factor) = whose(&row)?;
        Ok(Some((M::from_query_result(&row, HELD)?, customer, factor)))
    }
}

/// Prefixes of the columns of each table.
const HELD: &str = "t_";
const CUSTOMER: &str = "c_";
const FACTOR: &str = "f_";

/// Selects from the table of `E`, as `t`, with customers and factors.
fn held<E: EntityTrait>(table: &str) -> String {
    format!(
        "SELECT {}, {}, {} FROM {table} t
         JOIN customer c ON c.portal_id = t.portal_id AND c.id = t.customer_id
         LEFT JOIN factor f ON f.portal_id = t.portal_id AND f.customer_id = t.customer_id",
        columns::<E>("t", HELD),
        columns::<customer::Entity>("c", CUSTOMER),
        columns::<factor::Entity>("f", FACTOR),
    )
}

fn whose(row: &QueryResult) -> Result<(Customer, Option<(Factor, SealedSecret)>)> {
    let customer = customers::decode(customer::Model::from_query_result(row, CUSTOMER)?)?;
    let factor = factor::Model::from_query_result_optional(row, FACTOR)?;
    Ok((customer, factor.map(factors::decode).transpose()?))
}

/// Every column of the table that is called `table` in a statement, as its name with
/// `prefix` before it.
pub(crate) fn columns<E: EntityTrait>(table: &str, prefix: &str) -> String {
    let all = E::Column::iter().map(|column| {
        let column = column.as_str();
        format!("{table}.{column} AS {prefix}{column}")
    });
    all.collect::<Vec<_>>().join(", ")
}

/// Placeholders of `count` parameters from the one of this number on. Both databases take
/// them so.
pub(crate) fn parameters(first: usize, count: usize) -> String {
    let mut list = String::with_capacity(5 * count);
    for number in first..first + count {
        let comma = if number == first { "" } else { ", " };
        // A `String` takes everything.
        let _ = write!(list, "{comma}${number}");
    }
    list
}
