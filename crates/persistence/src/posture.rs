//! How the customers of each portal are protected, in numbers. Each is one statement over
//! all portals, grouped: for the background, never for a call.

use std::collections::BTreeMap;

use gatehouse_domain::backup_code::CODES_PER_SET;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::lockout::MAX_CONSECUTIVE_FAILURES;
use gatehouse_domain::portal::SessionPolicy;
use gatehouse_domain::time::Timestamp;
use sea_orm::{ConnectionTrait, Statement};

use crate::error::Result;
use crate::row;
use crate::store::{Queries, corrupt};

/// The customers and sessions of a portal, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Posture {
    /// All customers.
    pub customers: u64,
    /// Those with a factor in force.
    pub with_factor: u64,
    /// Those who are setting one up.
    pub enrolling: u64,
    /// Those with a factor in force and one backup code left, or none.
    pub few_backup_codes: u64,
    /// Those kept out by too many wrong codes.
    pub locked: u64,
    /// Those without a factor though the date has passed that was announced for enforcement.
    pub overdue: u64,
    /// 1 if it seems to pass its proxy's address as every customer's, for whoever knows
    /// ([`gatehouse_domain::shared_address`]): it is no count of the database.
    pub behind_one_address: u64,
    /// Live sessions without a second factor.
    pub password_sessions: u64,
    /// Live sessions with one.
    pub multi_factor_sessions: u64,
}

impl Posture {
    /// Customers without a factor in force.
    #[must_use]
    pub const fn without_factor(&self) -> u64 {
        self.customers.saturating_sub(self.with_factor)
    }
}

impl<C: ConnectionTrait> Queries<C> {
    /// What each portal has at `now`. The numbers are not of one moment: each is as of its
    /// own statement. On PostgreSQL a statement may take 5 s, as any other.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn posture(&self, now: Timestamp) -> Result<BTreeMap<PortalId, Posture>> {
        let mut all = BTreeMap::new();
        let now = now.as_micros();
        self.grouped(
            &mut all,
            "SELECT id, COUNT(*) FROM portal GROUP BY id",
            |_: &mut Posture, [_]| {},
        )
        .await?;
        let customers = "SELECT portal_id, COUNT(*) FROM customer GROUP BY portal_id";
        self.grouped(&mut all, customers, |of, [n]| of.customers = n).await?;
        let factors = "SELECT portal_id, COUNT(*) FROM factor GROUP BY portal_id";
        self.grouped(&mut all, factors, |of, [n]| of.with_factor = n).await?;
        let enrolling = format!(
            "SELECT portal_id, COUNT(DISTINCT customer_id) FROM enrollment \
             WHERE expires_at > {now} GROUP BY portal_id"
        );
        self.grouped(&mut all, &enrolling, |of, [n]| of.enrolling = n).await?;
        self.count_few_backup_codes(&mut all).await?;
        let locked = format!(
            "SELECT portal_id, COUNT(*) FROM customer WHERE code_failures > 0 \
             AND (code_failures >= {MAX_CONSECUTIVE_FAILURES} OR code_locked_until > {now}) \
             GROUP BY portal_id"
        );
        self.grouped(&mut all, &locked, |of, [n]| of.locked = n).await?;
        let past = format!(
            "SELECT id, COUNT(*) FROM portal WHERE mfa_enforced \
             AND mfa_enforced_from_at <= {now} GROUP BY id"
        );
        self.grouped(&mut all, &past, |of, [_]| of.overdue = of.without_factor()).await?;
        let policy = SessionPolicy::default();
        let [idle, lifetime] =
            [policy.idle_timeout(), policy.max_lifetime()].map(row::duration_micros);
        // [`crate::sessions::list::live_session`] under the limits of each portal. By the index
        // on the end first: what has expired stays for a week.
        let sessions = format!(
            "SELECT session.portal_id, COUNT(*), COUNT(session.second_factor_at) \
             FROM session JOIN portal ON portal.id = session.portal_id \
             WHERE session.expires_at > {now} AND session.ended_at IS NULL \
             AND session.created_at + COALESCE(portal.session_max_lifetime, {lifetime}) > {now} \
             AND session.last_used_at + COALESCE(portal.session_idle_timeout, {idle}) > {now} \
             AND session.last_used_at + session.idle_limit > {now} GROUP BY session.portal_id"
        );
        self.grouped(&mut all, &sessions, |of, [live, with_factor]| {
            of.password_sessions = live.saturating_sub(with_factor);
            of.multi_factor_sessions = with_factor;
        })
        .await?;
        Ok(all)
    }

    /// Whoever has no set of backup codes, or one of which all but one were used. There is
    /// none without a factor. So codes that are unused, which are nearly all, are only walked
    /// past.
    async fn count_few_backup_codes(&self, all: &mut BTreeMap<PortalId, Posture>) -> Result<()> {
        let sets = "SELECT portal_id, COUNT(*) FROM backup_code WHERE slot = 0 \
                    GROUP BY portal_id";
        let mut with_many = BTreeMap::new();
        self.grouped(&mut with_many, sets, |of: &mut u64, [n]| *of = n).await?;
        // Grouped by what no index has the order of: SQLite would walk one, and look up the row
        // of every code for whether it was used. Ids have no slash.
        let nearly_used = format!(
            "SELECT portal_id, COUNT(*) FROM (SELECT MAX(portal_id) AS portal_id FROM backup_code \
             WHERE used_at IS NOT NULL GROUP BY portal_id || '/' || customer_id \
             HAVING COUNT(*) >= {}) AS nearly_used GROUP BY portal_id",
            CODES_PER_SET - 1,
        );
        self.grouped(&mut with_many, &nearly_used, |of, [n]| *of = of.saturating_sub(n)).await?;
        for (portal, of) in all {
            let with_many = with_many.get(portal).copied().unwrap_or_default();
            of.few_backup_codes = of.with_factor.saturating_sub(with_many);
        }
        Ok(())
    }

    /// Puts the `N` counts in place that `sql` gives for each portal.
    async fn grouped<T: Default, const N: usize>(
        &self,
        all: &mut BTreeMap<PortalId, T>,
        sql: &str,
        put: impl Fn(&mut T, [u64; N]),
    ) -> Result<()> {
        let sql = Statement::from_string(self.0.get_database_backend(), sql);
        for row in self.0.query_all_raw(sql).await? {
            let portal: String = row.try_get_by_index(0)?;
            let mut counts = [0; N];
            for (column, count) in counts.iter_mut().enumerate() {
                // No count is negative.
                *count = row.try_get_by_index::<i64>(column + 1)?.unsigned_abs();
            }
            let id = portal.parse().map_err(|_| corrupt("portal", &portal))?;
            put(all.entry(id).or_default(), counts);
        }
        Ok(())
    }
}
