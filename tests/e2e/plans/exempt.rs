//! What takes longer the more rows there are.

/// Statements that may.
pub struct Exempt {
    /// When they are sent: how that begins.
    pub when: &'static str,
    /// A part of them.
    pub sql: &'static str,
    /// Why they may.
    #[expect(dead_code, reason = "to be read here")]
    why: &'static str,
}

impl Exempt {
    const fn new(when: &'static str, sql: &'static str, why: &'static str) -> Self {
        Self { when, sql, why }
    }

    pub fn covers(&self, title: &str, sql: &str) -> bool {
        title.starts_with(self.when) && sql.contains(self.sql)
    }
}

/// They do so on purpose.
pub const ON_PURPOSE: [Exempt; 18] = [
    Exempt::new(
        "restoring a backup",
        "",
        "an operator's command, for a day on which nothing else is going on: it ends all there is",
    ),
    Exempt::new(
        "rotating keys",
        "COUNT(*)",
        "an operator asks what needs a key; it has all the time there is, and locks nothing",
    ),
    Exempt::new(
        "resealing",
        "\"password_hash\" IS NOT NULL",
        "a walk through all rows, a batch at a time: those without a password are passed over",
    ),
    Exempt::new(
        "DeletePortal",
        "DELETE FROM \"portal\"",
        "whoever deletes a portal with its customers deletes as many",
    ),
    Exempt::new(
        "DeletePortal",
        "COUNT(*)",
        "an administrator is told how many customers would go with it",
    ),
    Exempt::new(
        "UpdatePortal",
        "COUNT(*)",
        "an administrator is told how many customers and sessions a policy is about",
    ),
    Exempt::new("UpdatePortal", "UPDATE \"session\"", "it ends as many sessions as are weaker"),
    Exempt::new("RevokeSessions, of a portal", "\"session\"", "it ends as many as there are"),
    Exempt::new(
        "counting portals",
        "GROUP BY",
        "whole tables, for metrics: one server does it for all, every five minutes, on a \
         connection for reads, and no call waits for it",
    ),
    Exempt::new(
        "counting portals",
        "\"client_ip\"",
        "the last 10,000 sessions, however many there are",
    ),
    Exempt::new(
        "numbering",
        "\"number\" IS NULL",
        "an index that has only events without a number, in the order that they are read in",
    ),
    Exempt::new(
        "checking the chain",
        "\"number\" <> CAST(\"number\" AS bigint)",
        "an operator's command, which has read every event by then; by the index of numbers alone",
    ),
    Exempt::new(
        "checking the chain",
        "\"number\" IS NULL",
        "the same index: the few events that have no number are looked at",
    ),
    Exempt::new(
        "ListCustomers, suspended",
        "\"suspended_at\" IS NOT NULL",
        "an index that has only those who are, in the order of pages",
    ),
    Exempt::new(
        "ListCustomers, locked",
        "code_failures > 0",
        "an index that has only those who have given a wrong code since their last sign-in",
    ),
    Exempt::new(
        "ListCustomers, of a portal",
        "\"customer_id\" IN (",
        "as many rows as the page has, which cost PostgreSQL more than other statements",
    ),
    Exempt::new(
        "ListSessions, of a portal",
        "\"session\".\"id\" >=",
        "none that began before the absolute limit is looked at; of the others, those that have \
         ended since",
    ),
    Exempt::new(
        "ListAuditEvents, in a time",
        "\"event_at\" >=",
        "the events that the range of ids has are of the same time, but for a millisecond",
    ),
];

/// They need not. What is mended is to be taken out here.
pub const TO_MEND: [Exempt; 2] = [
    Exempt::new(
        "ListCustomers, with a factor",
        "EXISTS",
        "a page of few walks through all of the portal; an index would need to know of factors in \
         the customer's row",
    ),
    Exempt::new(
        "ListAuditEvents, of a type",
        "",
        "no index begins with the type, and another one on the largest table would cost every \
         call that writes: a page of a rare one walks through the whole trail",
    ),
];
