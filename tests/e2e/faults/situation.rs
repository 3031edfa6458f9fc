//! What cases begin with, and what customers go on with.

use gatehouse_api::v1;

use super::case::Prepared;
use super::ground::WRONG_CODES;
use crate::reasons::sign_in::WRONG_PASSWORD;
use gatehouse_tests::authenticator::PERIOD;
use gatehouse_tests::{
    Acme, Authenticator, Enrolled, MyAccount, SignInExt, imported, imports, refused,
};

/// bcrypt of [`PASSWORD`], by bcrypt 5.0.0 for Python.
pub const IMPORTED_HASH: &str = "$2b$04$U0i9FgpCYBdYADrZI4l3ReaVPKCFPpbgZq6NrqR.kF2gcOphSOjOC";

/// The same customer as another system had them, with the same password.
pub async fn import(acme: &Acme) {
    acme.admin.delete_customer(&acme.customer, "").await.unwrap();
    let customer_id = acme.customer.rsplit('/').next().unwrap().to_owned();
    let row = v1::CustomerImport { customer_id, ..imported(&acme.email, IMPORTED_HASH) };
    acme.admin.import(imports(&acme.portal, vec![row])).await.unwrap();
}

/// The token of a sign-in at `password`.
pub async fn started(acme: &Acme) -> String {
    acme.web.start(&acme.email).await.unwrap().token
}

/// A session that the password has just been proven for.
pub async fn signed_in(acme: &Acme) -> MyAccount {
    acme.web.account(&acme.password_session().await.token)
}

/// A customer of a portal that does not enforce MFA, who has a factor all the same.
/// Afterwards the phone shows a new code.
pub async fn enrolled(acme: &Acme) -> Enrolled {
    let session = acme.password_session().await;
    let account = acme.web.account(&session.token);
    let phone = acme.enable_in(&account).await;
    let (backup_codes, _) = account.backup_codes().await.unwrap();
    acme.next_code();
    Enrolled { phone, backup_codes, session }
}

/// The token of a sign-in at `second_factor`.
pub async fn at_second_factor(acme: &Acme) -> (String, Enrolled) {
    let enrolled = enrolled(acme).await;
    (acme.sign_in().await.token, enrolled)
}

/// As many wrong codes as make a lock, but for one.
pub async fn almost_lock(acme: &Acme, token: &str, phone: &Authenticator) {
    let most = usize::try_from(WRONG_CODES).unwrap() - 1;
    for wrong in phone.wrong_codes(acme.server.now()).take(most) {
        refused(acme.web.totp(token, &wrong).await);
    }
}

/// As many wrong passwords as are free of a wait.
pub async fn throttle(acme: &Acme) {
    for _ in 0..5 {
        refused(acme.web.sign_in(&acme.email, WRONG_PASSWORD).await);
    }
}

/// A backup code that nobody has.
pub fn wrong_backup_code() -> String {
    "0000-0000-0000-0000".to_owned()
}

/// Signs in with a password alone.
pub async fn by_password(acme: &Acme, password: &str) {
    let issued = acme.web.sign_in(&acme.email, password).await.unwrap().issued();
    acme.web.validate(&issued.token).await.unwrap();
}

/// Signs in with the code that the phone shows next.
pub async fn by_next_code(acme: &Acme, prepared: &Prepared, password: &str) {
    acme.server.pass(PERIOD);
    let sign_in = acme.web.sign_in(&acme.email, password).await.unwrap();
    let code = prepared.phone.as_ref().unwrap().code(acme.server.now());
    let issued = acme.web.totp(&sign_in.token, &code).await.unwrap().issued();
    acme.web.validate_multi_factor(&issued.token).await.unwrap();
}

/// Signs in with a backup code.
pub async fn by_backup_code(acme: &Acme, code: &str, password: &str) {
    let sign_in = acme.web.sign_in(&acme.email, password).await.unwrap();
    let issued = acme.web.backup_code(&sign_in.token, code).await.unwrap().issued();
    acme.web.validate_multi_factor(&issued.token).await.unwrap();
}

/// The codes in an answer of GenerateBackupCodes.
pub fn codes(answer: &[u8]) -> Vec<String> {
    let answer: v1::GenerateBackupCodesResponse = prost::Message::decode(answer).unwrap();
    assert_eq!(answer.codes.len(), 5);
    answer.codes
}
