//! The sequences are worth something only if they reach what can go wrong.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use proptest_state_machine::ReferenceStateMachine;

use super::super::model::Model;

/// How often each call came to each answer, by their names.
fn reached(cases: u32) -> BTreeMap<String, u32> {
    let mut runner = TestRunner::deterministic();
    let sequences = Model::sequential_strategy(10..=40);
    let mut reached = BTreeMap::new();
    for _ in 0..cases {
        let (mut model, transitions, _) = sequences.new_tree(&mut runner).unwrap().current();
        for transition in &transitions {
            model = Model::apply(model, transition);
            for (call, outcome) in &model.script {
                let call = format!("{call:?}");
                let call = call.split([' ', '(']).next().unwrap();
                let answer = format!("{outcome:?}");
                // How long, how many and since when are another matter.
                let answer = answer.split(|c: char| c == ',' || c.is_ascii_digit()).next().unwrap();
                *reached.entry(format!("{call}: {answer}")).or_default() += 1;
            }
        }
    }
    reached
}

const EVERY_ONE: [&str; 38] = [
    "VerifyPassword: Ok(SignIn(Enroll",
    "VerifyPassword: Ok(SignIn(SecondFactor",
    "VerifyPassword: Ok(SignIn(Session { multi_factor: false",
    "VerifyPassword: Err(For(ERROR_REASON_CREDENTIALS_REJECTED",
    "VerifyPassword: Err(For(ERROR_REASON_CUSTOMER_SUSPENDED",
    "VerifyPassword: Err(For(ERROR_REASON_PORTAL_USES_SAML",
    "VerifyPassword: Err(For(ERROR_REASON_SIGN_IN_INVALID",
    "VerifyPassword: Err(Step",
    "VerifyPassword: Err(Wait(ERROR_REASON_THROTTLED",
    "VerifySecondFactor: Ok(SignIn(Session { multi_factor: true",
    "VerifySecondFactor: Err(WrongCode",
    "VerifySecondFactor: Err(Wait(ERROR_REASON_SIGN_IN_LOCKED",
    "VerifySecondFactor: Err(For(ERROR_REASON_SIGN_IN_INVALID",
    "VerifySecondFactor: Err(Step(\"enroll",
    "FinishSignIn: Ok(SignIn(Session { multi_factor: false",
    "FinishSignIn: Ok(SignIn(Session { multi_factor: true",
    "FinishSignIn: Err(Step(\"enroll",
    "FinishSignIn: Err(Step(\"second_factor",
    "VerifyEnrollment: Err(WrongCode",
    "VerifyEnrollment: Err(For(ERROR_REASON_ENROLLMENT_NOT_STARTED",
    "EnableMfa: Ok(SignIn(BackupCodes",
    "EnableMfa: Ok(Mfa",
    "EnableMfa: Err(Stale",
    "EnableMfa: Err(For(ERROR_REASON_ENROLLMENT_NOT_VERIFIED",
    "DisableMfa: Ok(Mfa",
    "DisableMfa: Err(Stale",
    "DisableMfa: Err(For(ERROR_REASON_MFA_ENFORCED",
    "GenerateBackupCodes: Ok(Mfa",
    "GenerateBackupCodes: Err(Stale",
    "ReauthenticateSession: Ok(Session { multi_factor: true",
    "ReauthenticateSession: Err(WrongCode",
    "ReauthenticateSession: Err(Session(\"mfa_reset",
    "ValidateSession: Err(Session(\"revoked",
    "ChangePassword: Ok(Ended",
    "ChangePassword: Err(Stale",
    "AcceptInvitation: Ok(SignIn(SecondFactor",
    "AcceptInvitation: Err(For(ERROR_REASON_INVITATION_INVALID",
    "UpdatePortal: Err(Conflict",
];

#[test]
fn sequences_reach_what_can_go_wrong() {
    let reached = reached(480);
    for wanted in EVERY_ONE {
        let found = reached.keys().any(|answer| answer.starts_with(wanted));
        assert!(found, "{wanted} is never reached: {reached:#?}");
    }
}
