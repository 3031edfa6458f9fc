//! How the customers of each portal are protected, as last counted
//! ([`crate::usecase::posture`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use gatehouse_domain::id::PortalId;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Posture;
use prometheus::{Gauge, GaugeVec, Registry, Result};

use super::catalog;

/// Portals that have time series of their own: those with the most customers. The others are
/// one together, so that sums stay right.
pub const MAX_PORTALS: usize = 100;
/// The label of the others. No id of a portal has an underscore.
pub const OTHERS: &str = "_others";

/// One of the numbers of a portal.
type Count = fn(&Posture) -> u64;

/// Shows the last count.
pub struct PostureMetrics {
    /// Each with what it shows.
    gauges: [(GaugeVec, Count); 7],
    sessions: GaugeVec,
    counted_at: Gauge,
    /// Portals that are shown.
    shown: Mutex<BTreeSet<String>>,
}

impl PostureMetrics {
    pub(super) fn new() -> Result<Self> {
        let gauges: [(_, Count); 7] = [
            (catalog::PORTAL_CUSTOMERS.gauges()?, |of| of.customers),
            (catalog::PORTAL_WITHOUT_FACTOR.gauges()?, Posture::without_factor),
            (catalog::PORTAL_ENROLLING.gauges()?, |of| of.enrolling),
            (catalog::PORTAL_FEW_CODES.gauges()?, |of| of.few_backup_codes),
            (catalog::PORTAL_OVERDUE.gauges()?, |of| of.overdue),
            (catalog::PORTAL_LOCKED.gauges()?, |of| of.locked),
            (catalog::PORTAL_ONE_ADDRESS.gauges()?, |of| of.behind_one_address),
        ];
        Ok(Self {
            gauges,
            sessions: catalog::PORTAL_SESSIONS.gauges()?,
            counted_at: catalog::POSTURE_TIME.gauge()?,
            shown: Mutex::default(),
        })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<()> {
        for (gauge, _) in &self.gauges {
            registry.register(Box::new(gauge.clone()))?;
        }
        registry.register(Box::new(self.sessions.clone()))?;
        registry.register(Box::new(self.counted_at.clone()))
    }

    /// Shows `counts`, made at `now`, in place of the ones before.
    pub(crate) fn show(&self, counts: &BTreeMap<PortalId, Posture>, now: Timestamp) {
        let rows = rows(counts);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in shown.iter().filter(|portal| !rows.contains_key(portal.as_str())) {
            self.remove(gone);
        }
        for (portal, count) in &rows {
            for (gauge, of) in &self.gauges {
                gauge.with_label_values(&[portal]).set(number(of(count)));
            }
            let sessions = |assurance: &str| self.sessions.with_label_values(&[portal, assurance]);
            sessions("password").set(number(count.password_sessions));
            sessions("multi_factor").set(number(count.multi_factor_sessions));
        }
        *shown = rows.into_keys().map(str::to_owned).collect();
        self.counted_at.set(super::seconds(now));
    }

    /// Shows none: another server counts.
    pub(crate) fn clear(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for portal in std::mem::take(&mut *shown) {
            self.remove(&portal);
        }
        self.counted_at.set(0.0);
    }

    fn remove(&self, portal: &str) {
        // What is not there needs no removal.
        for (gauge, _) in &self.gauges {
            let _ = gauge.remove_label_values(&[portal]);
        }
        for assurance in ["password", "multi_factor"] {
            let _ = self.sessions.remove_label_values(&[portal, assurance]);
        }
    }
}

/// What is shown: the largest portals, and the sum of the others if there are any.
fn rows(counts: &BTreeMap<PortalId, Posture>) -> BTreeMap<&str, Posture> {
    let mut portals = counts.iter().collect::<Vec<_>>();
    portals.sort_by_key(|(_, count)| std::cmp::Reverse(count.customers));
    let mut rows = BTreeMap::new();
    for (at, (portal, count)) in portals.into_iter().enumerate() {
        if at < MAX_PORTALS {
            rows.insert(portal.as_str(), *count);
        } else {
            add(rows.entry(OTHERS).or_default(), count);
        }
    }
    rows
}

/// Adds `one` to the sum of several portals, of which some are past their date.
fn add(sum: &mut Posture, one: &Posture) {
    sum.customers += one.customers;
    sum.with_factor += one.with_factor;
    sum.enrolling += one.enrolling;
    sum.few_backup_codes += one.few_backup_codes;
    sum.locked += one.locked;
    sum.behind_one_address += one.behind_one_address;
    sum.overdue += one.overdue;
    sum.password_sessions += one.password_sessions;
    sum.multi_factor_sessions += one.multi_factor_sessions;
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 of whatever is counted")]
const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portals(count: u64) -> BTreeMap<PortalId, Posture> {
        let posture = |n| Posture { customers: n + 1, overdue: 1, ..Posture::default() };
        (0..count).map(|n| (format!("p{n}").parse().unwrap(), posture(n))).collect()
    }

    #[test]
    fn the_largest_portals_are_shown_and_the_others_as_one() {
        let counts = portals(1_000);
        let rows = rows(&counts);
        assert_eq!(rows.len(), MAX_PORTALS + 1);
        assert_eq!(rows["p999"].customers, 1_000);
        assert!(!rows.contains_key("p899"));
        assert_eq!((rows[OTHERS].customers, rows[OTHERS].overdue), (900 * 901 / 2, 900));
        assert!(OTHERS.parse::<PortalId>().is_err(), "a portal could have this id");
    }

    #[test]
    fn portals_that_are_gone_are_shown_no_more() {
        let metrics = PostureMetrics::new().unwrap();
        let registry = Registry::new();
        metrics.register(&registry).unwrap();
        let counted_at = || metrics.counted_at.get().to_string();
        let series =
            || -> usize { registry.gather().iter().map(|family| family.get_metric().len()).sum() };
        metrics.show(&portals(3), Timestamp::from_seconds(7));
        // Seven gauges and two of sessions for each, and the time.
        assert_eq!((series(), counted_at()), (3 * 9 + 1, "7".to_owned()));
        metrics.show(&portals(1), Timestamp::from_seconds(8));
        assert_eq!(series(), 9 + 1);
        metrics.clear();
        assert_eq!((series(), counted_at()), (1, "0".to_owned()));
    }
}
