use std::collections::BTreeSet;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn field() -> FieldViolation {
    FieldViolation::new("portal.mfa", "must be set")
}

fn wait() -> Wait {
    Wait::until(NOW + Duration::from_millis(1_500), NOW)
}

/// An error, its code, its reason and the metadata of its `ErrorInfo`.
type Row = (AppError, Code, &'static str, &'static [(&'static str, &'static str)]);

/// One of every variant at least.
fn table() -> Vec<Row> {
    use Code::{
        Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, OutOfRange,
        PermissionDenied, ResourceExhausted, Unauthenticated,
    };
    let name = || "portals/acme/customers/c1".to_owned();
    let retry_at: &[_] = &[("retry_at", "2027-01-15T08:00:01.500Z")];
    vec![
        (AppError::ApiKeyInvalid, Unauthenticated, "API_KEY_INVALID", &[]),
        (
            AppError::CredentialsRejected { attempts_remaining: None },
            Unauthenticated,
            "CREDENTIALS_REJECTED",
            &[],
        ),
        (
            AppError::CredentialsRejected { attempts_remaining: Some(0) },
            Unauthenticated,
            "CREDENTIALS_REJECTED",
            &[("attempts_remaining", "0")],
        ),
        (AppError::SignInInvalid, Unauthenticated, "SIGN_IN_INVALID", &[]),
        (AppError::SessionInvalid { end: None }, Unauthenticated, "SESSION_INVALID", &[]),
        (
            AppError::SessionInvalid { end: Some("idle") },
            Unauthenticated,
            "SESSION_INVALID",
            &[("session_end", "idle")],
        ),
        (AppError::InvitationInvalid, Unauthenticated, "INVITATION_INVALID", &[]),
        (AppError::ApiKeyScope, PermissionDenied, "API_KEY_SCOPE", &[]),
        (AppError::CustomerSuspended, PermissionDenied, "CUSTOMER_SUSPENDED", &[]),
        (AppError::Throttled(wait()), ResourceExhausted, "THROTTLED", retry_at),
        (AppError::SignInLocked(Some(wait())), ResourceExhausted, "SIGN_IN_LOCKED", retry_at),
        (AppError::SignInLocked(None), ResourceExhausted, "SIGN_IN_LOCKED", &[]),
        (
            AppError::Overloaded { retry_after: Duration::from_secs(1) },
            ResourceExhausted,
            "OVERLOADED",
            &[],
        ),
        (AppError::DeadlineExceeded, Code::DeadlineExceeded, "OVERLOADED", &[]),
        (
            AppError::SignInStep { expected: "second_factor" },
            FailedPrecondition,
            "SIGN_IN_STEP",
            &[("expected_step", "second_factor")],
        ),
        (
            AppError::MfaEnforcementSamlConflict { portal: "portals/acme".to_owned() },
            FailedPrecondition,
            "MFA_ENFORCEMENT_SAML_CONFLICT",
            &[],
        ),
        (AppError::MfaEnforced, FailedPrecondition, "MFA_ENFORCED", &[]),
        (AppError::MfaNotEnabled, FailedPrecondition, "MFA_NOT_ENABLED", &[]),
        (AppError::EnrollmentNotStarted, FailedPrecondition, "ENROLLMENT_NOT_STARTED", &[]),
        (AppError::EnrollmentNotVerified, FailedPrecondition, "ENROLLMENT_NOT_VERIFIED", &[]),
        (AppError::PortalNotEmpty, FailedPrecondition, "PORTAL_NOT_EMPTY", &[]),
        (
            AppError::ReauthenticationRequired { accepted: &["totp_code", "backup_code"] },
            FailedPrecondition,
            "REAUTHENTICATION_REQUIRED",
            &[("accepted", "totp_code,backup_code")],
        ),
        (AppError::PortalUsesSaml, FailedPrecondition, "PORTAL_USES_SAML", &[]),
        (AppError::RequestInvalid(vec![field()]), InvalidArgument, "REQUEST_INVALID", &[]),
        (AppError::Unimplemented, Code::Unimplemented, "REQUEST_INVALID", &[]),
        (AppError::PasswordPolicy(vec![field()]), InvalidArgument, "PASSWORD_POLICY", &[]),
        (AppError::ResourceNotFound { name: name() }, NotFound, "RESOURCE_NOT_FOUND", &[]),
        (
            AppError::ResourceExists { name: name(), fields: vec![field()] },
            AlreadyExists,
            "RESOURCE_EXISTS",
            &[],
        ),
        (AppError::EtagMismatch, Aborted, "ETAG_MISMATCH", &[]),
        (AppError::ResumeTokenExpired, OutOfRange, "RESUME_TOKEN_EXPIRED", &[]),
        (AppError::ReaderTooSlow, Code::Unavailable, "STORE_UNAVAILABLE", &[]),
        (AppError::ShuttingDown, Code::Unavailable, "STORE_UNAVAILABLE", &[]),
        (AppError::StoreUnavailable("hunter2".into()), Code::Unavailable, "STORE_UNAVAILABLE", &[]),
        (AppError::Collided("hunter2".into()), Code::Unavailable, "STORE_UNAVAILABLE", &[]),
        (AppError::Collided("hunter2".into()), Code::Unavailable, "STORE_UNAVAILABLE", &[]),
        (AppError::Internal("hunter2".into()), Code::Internal, "INTERNAL", &[]),
    ]
}

#[test]
fn every_error_carries_its_code_reason_and_metadata() {
    for (error, code, reason, metadata) in table() {
        let reason = format!("ERROR_REASON_{reason}");
        let message = error.to_string();
        let status = Status::from(error);
        assert_eq!(status.code(), code, "{reason}");
        assert_eq!(status.message(), message, "{reason}");
        assert_eq!(status.metadata().get(REASON_HEADER).unwrap(), &*reason);

        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((&*info.domain, &*info.reason), ("gatehouse.v1", &*reason));
        let expected = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(info.metadata, expected, "{reason}");
    }
}

#[test]
fn every_reason_of_the_contract_has_an_error() {
    let reasons: BTreeSet<_> = table().iter().map(|(error, ..)| error.reason() as i32).collect();
    let contract: BTreeSet<_> =
        (1..1_000).filter(|value| ErrorReason::try_from(*value).is_ok()).collect();
    assert_eq!(reasons, contract);
}

#[test]
fn no_error_tells_its_source() {
    for (error, ..) in table() {
        let status = Status::from(error);
        let details = String::from_utf8_lossy(status.details()).into_owned();
        assert!(!details.contains("hunter2") && !status.message().contains("hunter2"));
    }
}

fn details(error: AppError) -> ErrorDetails {
    Status::from(error).get_error_details()
}

#[test]
fn retry_info_stands_where_waiting_helps() {
    let delay = |error| details(error).retry_info().map(|info| info.retry_delay);
    let wait_ms = Some(Some(Duration::from_millis(1_500)));
    assert_eq!(delay(AppError::Throttled(wait())), wait_ms);
    assert_eq!(delay(AppError::SignInLocked(Some(wait()))), wait_ms);
    assert_eq!(delay(AppError::SignInLocked(None)), None);
    let retry_after = Duration::from_secs(1);
    assert_eq!(delay(AppError::Overloaded { retry_after }), Some(Some(retry_after)));
}

#[test]
fn a_bad_request_names_at_most_twenty_fields() {
    let fields: Vec<_> =
        (0..21).map(|row| FieldViolation::new(format!("customers[{row}].email"), "x")).collect();
    for error in [AppError::RequestInvalid(fields.clone()), AppError::PasswordPolicy(fields)] {
        let details = details(error);
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations.len(), 20);
        assert_eq!(violations[19].field, "customers[19].email");
    }
}

#[test]
fn a_conflict_of_saml_and_enforcement_names_the_portal() {
    let details = details(AppError::MfaEnforcementSamlConflict { portal: "portals/a".to_owned() });
    let violation = &details.precondition_failure().unwrap().violations[0];
    assert_eq!(violation.subject, "portals/a");
    assert_eq!(violation.r#type, "ERROR_REASON_MFA_ENFORCEMENT_SAML_CONFLICT");
}

#[test]
fn resource_errors_name_the_resource_and_its_type() {
    for (name, kind) in [
        ("portals/a", "gatehouse.v1.Portal"),
        ("portals/a/customers/b", "gatehouse.v1.Customer"),
        ("portals/a/customers/b/sessions/c", "gatehouse.v1.Session"),
        ("apiKeys/k", "gatehouse.v1.ApiKey"),
    ] {
        for error in [
            AppError::ResourceNotFound { name: name.to_owned() },
            AppError::ResourceExists { name: name.to_owned(), fields: vec![] },
        ] {
            let details = details(error);
            let info = details.resource_info().unwrap();
            assert_eq!((&*info.resource_name, &*info.resource_type), (name, kind));
            assert!(details.bad_request().is_none());
        }
    }
    let taken = details(AppError::ResourceExists { name: String::new(), fields: vec![field()] });
    assert_eq!(taken.bad_request().unwrap().field_violations[0].field, "portal.mfa");
}

#[test]
fn a_request_id_leaves_the_rest_of_the_error_alone() {
    let before = Status::from(AppError::Internal("hunter2".into()));
    let after = with_request_id(&before, "r1");
    assert_eq!(after.metadata().get(REASON_HEADER), before.metadata().get(REASON_HEADER));
    let details = after.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "ERROR_REASON_INTERNAL");
    assert_eq!(details.request_info().unwrap().request_id, "r1");
}

#[test]
fn a_lost_store_is_unavailable_and_a_corrupt_one_a_defect() {
    let code = |error: StoreError| AppError::from(error).code();
    assert_eq!(code(StoreError::Unavailable("x".into())), Code::Unavailable);
    assert_eq!(code(StoreError::Conflict("x".into())), Code::Unavailable);
    assert_eq!(code(StoreError::Duplicate), Code::Internal);
    assert_eq!(code(StoreError::Internal("x".into())), Code::Internal);
    let corrupt = StoreError::Corrupt { table: "portal", id: "acme".to_owned() };
    assert_eq!(code(corrupt), Code::Internal);
}
