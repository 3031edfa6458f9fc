//! What is wrong with the fields of a request.

use std::fmt;

/// One bad field: where it is in the request, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path from the request message in proto names: `portal.mfa.issuer`.
    pub field: String,
    /// What a right value looks like. Never repeats the value: it may be secret.
    pub description: String,
}

impl FieldViolation {
    /// A violation of the field at `field`.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

impl fmt::Display for FieldViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.description)
    }
}

/// Why a text is not a value of some domain type; the caller knows the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

impl Malformed {
    /// The same, said of the field at `field`.
    #[must_use]
    pub fn at(&self, field: impl Into<String>) -> FieldViolation {
        FieldViolation::new(field, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_tells_the_field_and_what_is_wrong() {
        let violation = Malformed("no colon").at("portal.mfa.issuer");
        assert_eq!(violation, FieldViolation::new("portal.mfa.issuer", "no colon"));
        assert_eq!(violation.to_string(), "portal.mfa.issuer: no colon");
    }
}
