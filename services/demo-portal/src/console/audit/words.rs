//! Events in words. What a later gatehouse adds stands as it is named.

use gatehouse_api::v1::ErrorReason;

/// What happened.
pub fn of_type(kind: &str) -> &str {
    match kind {
        "portal.created" => "Portal made",
        "portal.updated" => "Settings changed",
        "portal.deleted" => "Portal deleted",
        "customer.created" => "Customer added",
        "customer.updated" => "Customer changed",
        "customer.suspended" => "Customer suspended",
        "customer.reinstated" => "Customer reinstated",
        "customer.deleted" => "Customer deleted",
        "customer.unlocked" => "Customer unlocked",
        "api_key.created" => "API key made",
        "api_key.revoked" => "API key revoked",
        "invitation.created" => "Invitation made",
        "invitation.failed" => "Invitation refused",
        "sign_in.succeeded" => "Signed in",
        "sign_in.failed" => "Sign-in refused",
        "sign_in.refused" => "More refusals, counted",
        "sign_in.password_verified" => "Password proven",
        "password.changed" => "Password set",
        "password.change_failed" => "Change of password refused",
        "mfa.enrollment_started" => "Setting up MFA began",
        "mfa.enrollment_verified" => "New authenticator verified",
        "mfa.enrollment_failed" => "Code of a new authenticator refused",
        "mfa.enrollment_deleted" => "Setting up MFA given up",
        "mfa.enabled" => "MFA enabled",
        "mfa.disabled" => "MFA disabled",
        "mfa.reset" => "Portal MFA reset",
        "backup_codes.generated" => "Backup codes made",
        "session.reauthenticated" => "Identity confirmed",
        "session.reauthentication_failed" => "Confirmation of identity refused",
        "session.signed_out" => "Signed out",
        "session.revoked" => "Sessions ended by an administrator",
        "call.refused" => "Call refused",
        "call.refused_more" => "More calls refused, counted",
        other => other,
    }
}

/// Why it was refused: `SIGN_IN_LOCKED` becomes `sign in locked`.
pub fn of_reason(reason: ErrorReason) -> String {
    let name = reason.as_str_name();
    name.trim_start_matches("ERROR_REASON_").to_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_stands_as_it_is_named() {
        assert_eq!(of_type("mfa.reset"), "Portal MFA reset");
        assert_eq!(of_type("passkey.added"), "passkey.added");
        assert_eq!(of_reason(ErrorReason::CredentialsRejected), "credentials rejected");
    }
}
