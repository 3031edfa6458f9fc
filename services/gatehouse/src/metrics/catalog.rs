//! Every metric that a server exports, each defined once. Names follow Prometheus: base
//! units, `_total` for what only grows. docs/operations.md has the table of them.

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Result,
};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values in buckets of these upper bounds.
    Histogram(&'static [f64]),
}

/// A metric by definition.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// What kind.
    pub kind: Kind,
    /// With its unit at the end.
    pub name: &'static str,
    /// Of each time series. What values each may have is bounded by the code or, for `portal`,
    /// by [`super::posture::MAX_PORTALS`].
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

/// Seconds of a call or a wait: from a session check to the longest that there may be.
const WAITS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// Seconds of a statement, which is given up after 6.
const STATEMENTS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

macro_rules! metrics {
    ($($kind:ident $(($buckets:expr))? $constant:ident = $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Definition = Definition {
                kind: Kind::$kind $(($buckets))?,
                name: $name,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric of the server's own.
        pub const ALL: &[Definition] = &[$($constant,)*];
    };
}

metrics! {
    Counter CALLS = "gatehouse_calls_total" ["service", "method", "code", "reason"]
        "Calls that were answered, by gRPC code and by the contract's reason (empty for none). \
         CANCELLED: the caller went away first. A stream counts when it begins.";
    Histogram(WAITS) CALL_SECONDS = "gatehouse_call_seconds" ["service", "method"]
        "From the head of a call to the head of its answer, look-ups and hashing included.";
    Gauge CALLS_IN_FLIGHT = "gatehouse_calls_in_flight" []
        "Calls that are not answered yet.";
    Gauge CLIENT_CONNECTIONS = "gatehouse_client_connections" []
        "Connections of clients that are open, those without a call included.";
    Gauge CLIENT_CONNECTIONS_MAX = "gatehouse_client_connections_max" []
        "Connections of clients that there may be; who comes after these waits.";

    Counter SPANS = "gatehouse_spans_total" ["outcome"]
        "Spans of traced calls: exported; failed (the collector did not take them); dropped (too \
         many waited for it).";

    Counter SIGN_INS = "gatehouse_sign_ins_total" ["outcome", "factor", "reason"]
        "Sign-ins that ended in a session (succeeded, by second factor: none, totp, backup_code), \
         and proofs refused on the way (refused, by what was presented: password, totp, \
         backup_code; and why), also those without an event of their own.";
    Counter REAUTHENTICATIONS = "gatehouse_reauthentications_total" ["outcome", "proof", "reason"]
        "Proofs within a session, accepted and refused.";
    Counter AUDIT_EVENTS = "gatehouse_audit_events_total" ["type", "reason"]
        "Events that this server committed to the audit trail, by type, and by reason where \
         something was refused.";
    Gauge AUDIT_LAG = "gatehouse_audit_unnumbered_seconds" []
        "Age of the oldest event that has no number yet, as of the last look; 0 for none.";
    Gauge AUDIT_UNNUMBERED = "gatehouse_audit_unnumbered_events" []
        "Events that have no number yet, as of the last look; of more than 10,000 no more are \
         counted.";
    Gauge AUDIT_HEAD = "gatehouse_audit_head_number" []
        "The number of the last event in the audit trail's chain, as of the last look. It only grows.";

    Gauge AUDIT_WATCHERS = "gatehouse_audit_watchers" []
        "Streams of WatchAuditEvents that are open.";

    Gauge HASHER_PERMITS = "gatehouse_hasher_permits" []
        "Password hashes that may run at once.";
    Gauge HASHER_RUNNING = "gatehouse_hasher_running" []
        "Permits in use.";
    Gauge HASHER_WAITING = "gatehouse_hasher_waiting" []
        "Passwords in line for their turn.";
    Histogram(WAITS) HASHER_WAIT_SECONDS = "gatehouse_hasher_wait_seconds" []
        "From joining the line to its turn, of those whose turn came.";
    Histogram(WAITS) HASHER_HASH_SECONDS = "gatehouse_hasher_hash_seconds" []
        "How long a hash ran on its thread.";
    Counter HASHER_REFUSED = "gatehouse_hasher_refused_total" ["when"]
        "Passwords refused as too much work, charged to nobody: at once (full), or because \
         their turn did not come in time (late).";

    Histogram(STATEMENTS) STATEMENT_SECONDS = "gatehouse_database_statement_seconds" ["kind"]
        "Statements, from asking for a connection to the answer: read; lock (SELECT that locks \
         rows, PostgreSQL alone); write; begin (on SQLite the wait for the one writer); commit.";
    Counter STATEMENT_FAILURES = "gatehouse_database_failures_total" ["kind", "failure"]
        "Statements that failed: conflict (tried again), unavailable, refused.";
    Gauge CONNECTIONS = "gatehouse_database_connections" ["pool", "state"]
        "Connections to the database by pool, in use and idle.";
    Gauge CONNECTIONS_MAX = "gatehouse_database_connections_max" ["pool"]
        "Connections that a pool may have.";
    Gauge CLOCK_OFFSET = "gatehouse_database_clock_offset_seconds" []
        "By how much this server's clock is ahead of the database's, as last seen. Past 2 either \
         way every call is refused.";
    Gauge READY = "gatehouse_ready" []
        "1 while this server's health is SERVING: its database answers and agrees on clock and keys.";

    Counter BACKGROUND_RUNS = "gatehouse_background_runs_total" ["task", "outcome"]
        "Runs of work that nobody asks for: done, failed.";
    Gauge BACKGROUND_SUCCESS = "gatehouse_background_last_success_timestamp_seconds" ["task"]
        "When it last ended well, by this server's clock; 0 for not yet.";
    Counter BACKGROUND_ITEMS = "gatehouse_background_items_total" ["task"]
        "What it did: events numbered, rows removed, values sealed anew, portals counted, counts of \
         refused tries written.";
    Gauge KEY_RING_KEYS = "gatehouse_key_ring_keys" []
        "Keys in this server's key ring.";
    Gauge CERTIFICATE_END = "gatehouse_tls_certificate_not_after_timestamp_seconds" []
        "When the certificate ends that new connections are shown; 0 without TLS.";
    Gauge BUILD_INFO = "gatehouse_build_info" ["version"]
        "1, with the version of the program.";

    Gauge PORTAL_CUSTOMERS = "gatehouse_portal_customers" ["portal"]
        "Customers.";
    Gauge PORTAL_WITHOUT_FACTOR = "gatehouse_portal_customers_without_factor" ["portal"]
        "Customers without a second factor in force.";
    Gauge PORTAL_ENROLLING = "gatehouse_portal_customers_enrolling" ["portal"]
        "Customers with an authenticator pending: begun, not yet enabled.";
    Gauge PORTAL_FEW_CODES = "gatehouse_portal_customers_few_backup_codes" ["portal"]
        "Customers with a second factor and at most one backup code left.";
    Gauge PORTAL_OVERDUE = "gatehouse_portal_customers_overdue" ["portal"]
        "Customers without a second factor though the date announced for enforcement has passed.";
    Gauge PORTAL_LOCKED = "gatehouse_portal_customers_locked" ["portal"]
        "Customers locked out of codes now.";
    Gauge PORTAL_ONE_ADDRESS = "gatehouse_portal_behind_one_address" ["portal"]
        "1 where half of the portal's last customers or more came from one address, its proxy's or \
         an office's; for the others together, how many portals.";
    Gauge PORTAL_SESSIONS = "gatehouse_portal_sessions" ["portal", "assurance"]
        "Live sessions, by assurance: password, multi_factor.";
    Gauge POSTURE_TIME = "gatehouse_portal_counts_timestamp_seconds" []
        "When this server counted its portals; 0 on those that leave it to another one.";
}

impl Definition {
    fn opts(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    /// As counters by its labels.
    pub(super) fn counters(&self) -> Result<IntCounterVec> {
        IntCounterVec::new(self.opts(), self.labels)
    }

    /// As a gauge without labels.
    pub(super) fn gauge(&self) -> Result<Gauge> {
        Gauge::with_opts(self.opts())
    }

    /// As gauges by its labels.
    pub(super) fn gauges(&self) -> Result<GaugeVec> {
        GaugeVec::new(self.opts(), self.labels)
    }

    fn histogram_opts(&self) -> HistogramOpts {
        let opts = HistogramOpts::new(self.name, self.help);
        match self.kind {
            Kind::Histogram(buckets) => opts.buckets(buckets.to_vec()),
            Kind::Counter | Kind::Gauge => opts,
        }
    }

    /// As a histogram without labels.
    pub(super) fn histogram(&self) -> Result<Histogram> {
        Histogram::with_opts(self.histogram_opts())
    }

    /// As histograms by its labels.
    pub(super) fn histograms(&self) -> Result<HistogramVec> {
        HistogramVec::new(self.histogram_opts(), self.labels)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_end_in_what_they_are_and_are_of_one_metric_each() {
        let names = ALL.iter().map(|metric| metric.name).collect::<BTreeSet<_>>();
        assert_eq!(names.len(), ALL.len());
        for Definition { kind, name, help, .. } in ALL {
            assert_eq!(matches!(kind, Kind::Counter), name.ends_with("_total"), "{name}");
            if matches!(kind, Kind::Histogram(_)) {
                assert!(name.ends_with("_seconds"), "{name}");
            }
            assert!(name.starts_with("gatehouse_") && help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn bounds_of_buckets_rise() {
        for buckets in [WAITS, STATEMENTS] {
            assert!(buckets.is_sorted_by(|one, next| one < next));
        }
    }
}
