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
pub const ON_PURPOSE: [Exempt; 9] = [
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
        "ListAuditEvents, in a time",
        "\"event_at\" >=",
        "the events that the range of ids has are of the same time, but for a millisecond",
    ),
];

/// They need not. What is mended is to be taken out here.
pub const TO_MEND: [Exempt; 12] = [
    Exempt::new(
        "ListOwnSessions",
        "\"customer_id\" = ",
        "SQLite takes the index by the order, session_portal, and so walks through the sessions \
         of all customers: session_customer has no id to order by",
    ),
    Exempt::new(
        "ListCustomers, past a page",
        "(\"portal_id\", \"id\") >",
        "beside a portal SQLite does not search by the comparison of rows: each page walks through \
         those before it",
    ),
    Exempt::new(
        "UpdatePortal",
        "SET \"id\" = ",
        "it sets the key to itself, for which SQLite counts the portal's customers, twice",
    ),
    Exempt::new(
        "ListCustomers, of a portal",
        "IN (",
        "a portal for each customer on the page: PostgreSQL expects all pairs of them",
    ),
    Exempt::new(
        "ListCustomers, locked",
        " WHERE ? = ? AND ? = ?",
        "it asks for the factor and backup codes of nobody",
    ),
    Exempt::new(
        "ListCustomers, by address, of every portal",
        "",
        "no index begins with the address",
    ),
    Exempt::new("ListCustomers, suspended", "", "a page of few walks through all of the portal"),
    Exempt::new("ListCustomers, locked", "IFNULL", "a page of few walks through all of the portal"),
    Exempt::new(
        "ListCustomers, with a factor",
        "EXISTS",
        "a page of few walks through all of the portal",
    ),
    Exempt::new(
        "ListSessions, of a portal",
        "",
        "it walks through all that have ended in the last week; ids tell when a session began, and \
         none lives that began before the absolute limit",
    ),
    Exempt::new(
        "ListAuditEvents, of a type",
        "",
        "no index begins with the type: a page of a rare one walks through the whole trail",
    ),
    Exempt::new(
        "numbering",
        "ORDER BY \"audit_event\".\"id\"",
        "of all events that wait for a number SQLite sorts all for each batch: it takes the index \
         of numbers and not audit_event_unnumbered, which has them in order",
    ),
];
