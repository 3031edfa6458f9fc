//! A person who signs in to one portal.

use crate::email::Email;
use crate::enrollment::Factor;
use crate::id::CustomerKey;
use crate::lockout::CodeBudget;
use crate::time::Timestamp;

/// A customer, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Portal and id.
    pub key: CustomerKey,
    /// Unique within the portal.
    pub email: Email,
    /// Shown to people; at most 100 characters, empty if nobody chose one.
    pub display_name: String,
    /// When an administrator suspended them, if they are.
    pub suspended_at: Option<Timestamp>,
    /// Rises with every reset, suspension, password change, enabling, disabling
    /// and revocation: a transaction that makes a session names the one it saw.
    pub generation: i64,
    /// Whether a password is set.
    pub has_password: bool,
    /// Rises when the password is set or voided, not when it is hashed anew: a
    /// proof names the password it was of.
    pub password_revision: i64,
    /// Wrong codes in a row.
    pub codes: CodeBudget,
    /// When a sign-in last ended in a session.
    pub last_sign_in_at: Option<Timestamp>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When an administrator last changed them.
    pub updated_at: Timestamp,
    /// Rises with every such change; the etag is made of it.
    pub revision: i64,
}

impl Customer {
    /// One that is made at `now`, in its first generation, with nothing proven yet.
    #[must_use]
    pub fn new(
        key: CustomerKey,
        email: Email,
        display_name: String,
        has_password: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            key,
            email,
            display_name,
            suspended_at: None,
            generation: 1,
            has_password,
            password_revision: 1,
            codes: CodeBudget::default(),
            last_sign_in_at: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    /// Differs for every revision of every customer there has ever been.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("{:x}.{:x}", self.created_at.as_micros(), self.revision)
    }

    /// The same a generation on: what relies on how they were before makes no
    /// session any more.
    #[must_use]
    pub fn next_generation(&self) -> Self {
        Self { generation: self.generation + 1, ..self.clone() }
    }
}

/// The backup codes a customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupCodes {
    /// How many are unused, 0 to 5.
    pub remaining: u32,
    /// When the set was made.
    pub created_at: Timestamp,
}

/// A customer with all that answers about them show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerView {
    /// The customer.
    pub customer: Customer,
    /// The factor in force.
    pub factor: Option<Factor>,
    /// Unset: none were ever made, or they ended with the factor.
    pub backup_codes: Option<BackupCodes>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> Customer {
        Customer {
            key: CustomerKey::new("acme".parse().unwrap(), "c1".parse().unwrap()),
            email: Email::parse("ana@example.com").unwrap(),
            display_name: String::new(),
            suspended_at: None,
            generation: 3,
            has_password: true,
            password_revision: 0,
            codes: CodeBudget::default(),
            last_sign_in_at: None,
            created_at: Timestamp::from_seconds(1_000_000),
            updated_at: Timestamp::from_seconds(1_000_000),
            revision: 1,
        }
    }

    #[test]
    fn an_etag_is_of_one_revision_of_one_customer() {
        let etag = customer().etag();
        assert_eq!(etag, customer().etag());
        assert_ne!(etag, Customer { revision: 2, ..customer() }.etag());
        let made_again = Customer { created_at: Timestamp::from_seconds(1_000_001), ..customer() };
        assert_ne!(etag, made_again.etag());
        // What stands before the dot ends there.
        assert_ne!(
            Customer { created_at: Timestamp::from_micros(0x11), revision: 1, ..customer() }.etag(),
            Customer { created_at: Timestamp::from_micros(0x1), revision: 0x11, ..customer() }
                .etag(),
        );
    }

    #[test]
    fn generations_rise_and_nothing_else_changes() {
        assert_eq!(customer().next_generation(), Customer { generation: 4, ..customer() });
    }
}
