//! What a customer was about when a fresh proof was asked for.

use serde::Deserialize;

/// Goes through the address of the page that asks for the proof: a name, never a path, so that no link can
/// lead elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// Nothing that can be gone on with.
    #[default]
    Account,
    /// Setting up an authenticator.
    SetUp,
    /// Going on with that.
    Enrollment,
    /// Taking it out of force.
    Delete,
    /// Making backup codes.
    BackupCodes,
    /// Changing the password.
    Password,
}

impl Then {
    /// As it stands in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::SetUp => "set-up",
            Self::Enrollment => "enrollment",
            Self::Delete => "delete",
            Self::BackupCodes => "backup-codes",
            Self::Password => "password",
        }
    }

    /// Where one goes on with it.
    pub const fn page(self) -> &'static str {
        match self {
            Self::Account => "/account",
            Self::SetUp => "/account/mfa",
            Self::Enrollment => "/account/mfa/enrollment",
            Self::Delete => "/account/mfa/delete",
            Self::BackupCodes => "/account/backup-codes",
            Self::Password => "/account/password",
        }
    }

    /// Where the proof is asked for.
    pub fn confirm_page(self) -> String {
        format!("/account/confirm?then={}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;
    use axum::http::Uri;

    use super::*;

    #[derive(Deserialize)]
    struct Asked {
        then: Then,
    }

    #[test]
    fn every_name_is_read_as_what_it_was_written_for() {
        let all = [
            Then::Account,
            Then::SetUp,
            Then::Enrollment,
            Then::Delete,
            Then::BackupCodes,
            Then::Password,
        ];
        for then in all {
            let uri: Uri = then.confirm_page().parse().unwrap();
            assert_eq!(Query::<Asked>::try_from_uri(&uri).unwrap().0.then, then);
        }
        let elsewhere = Uri::from_static("/account/confirm?then=https://example.com");
        assert!(Query::<Asked>::try_from_uri(&elsewhere).is_err());
    }
}
