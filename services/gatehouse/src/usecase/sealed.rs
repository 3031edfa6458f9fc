//! What is sealed in the database, and what each ciphertext is bound to: moved
//! to another row, it does not open.

use gatehouse_domain::backup_code::{BackupCode, CODES_PER_SET};
use gatehouse_domain::enrollment::{Enrollment, Factor};
use gatehouse_domain::id::{BackupCodeSetId, CustomerKey};
use gatehouse_domain::password::{ForeignHash, PasswordHash, StoredHash};
use gatehouse_domain::totp::TotpSecret;
use gatehouse_domain::vault::{Context, OpenError, Vault};
use gatehouse_persistence::{
    SealedPassword, SealedRow, SealedSecret, SealedValue, StoreError, StoredBackupCode,
};

use crate::app::App;
use crate::error::AppError;

fn context<'a>(
    table: &'static str,
    column: &'static str,
    key: &'a CustomerKey,
    row: &'a str,
) -> Context<'a> {
    Context {
        table,
        column,
        portal: key.portal.as_str(),
        customer: key.customer.as_str(),
        row,
        generation: 0,
    }
}

/// A ciphertext of ours that does not open is a damaged row, never a verdict.
fn damaged(table: &'static str, key: &CustomerKey, error: OpenError) -> AppError {
    let id = format!("{}/{}", key.portal, key.customer);
    tracing::error!(table, id, %error, "a sealed value does not open");
    StoreError::Corrupt { table, id }.into()
}

fn password_context(key: &CustomerKey) -> Context<'_> {
    context("customer", "password_hash", key, "")
}

/// Seals a password hash for its customer.
#[must_use]
pub fn seal_password(app: &App, key: &CustomerKey, hash: &PasswordHash) -> SealedPassword {
    seal_password_text(app, key, &hash.to_phc())
}

/// Seals a password hash that another system made.
#[must_use]
pub fn seal_foreign_password(app: &App, key: &CustomerKey, hash: &ForeignHash) -> SealedPassword {
    seal_password_text(app, key, &hash.to_text())
}

fn seal_password_text(app: &App, key: &CustomerKey, text: &str) -> SealedPassword {
    app.vault().seal(&mut app.entropy.rng(), &password_context(key), text.as_bytes())
}

/// Opens a customer's password hash.
///
/// # Errors
/// [`AppError::Internal`] if it is damaged.
pub fn open_password(app: &App, key: &CustomerKey, sealed: &[u8]) -> Result<StoredHash, AppError> {
    let text = app
        .vault()
        .open(&password_context(key), sealed)
        .map_err(|error| damaged("customer", key, error))?;
    let text = std::str::from_utf8(&text).map_err(|error| AppError::Internal(error.into()))?;
    text.parse()
        .map_err(|error: gatehouse_domain::field::Malformed| AppError::Internal(error.into()))
}

/// Seals the secret of a factor being set up.
#[must_use]
pub fn seal_enrollment(app: &App, enrollment: &Enrollment, secret: &TotpSecret) -> SealedSecret {
    seal_secret(app, "enrollment", &enrollment.customer, &enrollment.id.to_string(), secret)
}

/// Opens the secret of a factor being set up.
///
/// # Errors
/// [`AppError::Internal`] if it is damaged.
pub fn open_enrollment(
    app: &App,
    enrollment: &Enrollment,
    sealed: &[u8],
) -> Result<TotpSecret, AppError> {
    open_secret(app, "enrollment", &enrollment.customer, &enrollment.id.to_string(), sealed)
}

/// Seals the secret of a factor in force.
#[must_use]
pub fn seal_factor(app: &App, factor: &Factor, secret: &TotpSecret) -> SealedSecret {
    seal_secret(app, "factor", &factor.customer, &factor.id.to_string(), secret)
}

/// Opens the secret of a factor in force.
///
/// # Errors
/// [`AppError::Internal`] if it is damaged.
pub fn open_factor(app: &App, factor: &Factor, sealed: &[u8]) -> Result<TotpSecret, AppError> {
    open_secret(app, "factor", &factor.customer, &factor.id.to_string(), sealed)
}

fn seal_secret(
    app: &App,
    table: &'static str,
    key: &CustomerKey,
    row: &str,
    secret: &TotpSecret,
) -> SealedSecret {
    let context = context(table, "secret", key, row);
    app.vault().seal(&mut app.entropy.rng(), &context, secret.expose())
}

fn open_secret(
    app: &App,
    table: &'static str,
    key: &CustomerKey,
    row: &str,
    sealed: &[u8],
) -> Result<TotpSecret, AppError> {
    let secret = app.vault().open(&context(table, "secret", key, row), sealed);
    secret.map(|bytes| TotpSecret::from_bytes(&bytes)).map_err(|error| damaged(table, key, error))
}

/// Seals the digests of a set of backup codes, in the order of their slots.
#[must_use]
pub fn seal_backup_codes(
    app: &App,
    key: &CustomerKey,
    set: BackupCodeSetId,
    codes: &[BackupCode; CODES_PER_SET],
) -> Vec<Vec<u8>> {
    let rng = &mut app.entropy.rng();
    (0..)
        .zip(codes)
        .map(|(slot, code)| {
            let row = backup_code_row(set, slot);
            let context = context("backup_code", "digest", key, &row);
            app.vault().seal(rng, &context, &code.digest(key, set))
        })
        .collect()
}

/// The stored code that `code` is, if any, used or not.
///
/// # Errors
/// [`AppError::Internal`] if a stored one is damaged.
pub fn find_backup_code<'a>(
    app: &App,
    key: &CustomerKey,
    stored: &'a [StoredBackupCode],
    code: &BackupCode,
) -> Result<Option<&'a StoredBackupCode>, AppError> {
    let mut found = None;
    // Every code of the set is compared, whichever it is.
    for candidate in stored {
        let row = backup_code_row(candidate.set, candidate.slot);
        let digest = app
            .vault()
            .open(&context("backup_code", "digest", key, &row), &candidate.digest)
            .map_err(|error| damaged("backup_code", key, error))?;
        if code.matches(key, candidate.set, &digest) {
            found = Some(candidate);
        }
    }
    Ok(found)
}

/// Seals a value of a row for the same place once more, under the primary key.
///
/// # Errors
/// [`AppError::Internal`] if it is damaged.
pub fn reseal(vault: &Vault, app: &App, value: &SealedValue) -> Result<Vec<u8>, AppError> {
    let key = &value.customer;
    let (table, column, row) = match value.row {
        SealedRow::Password => ("customer", "password_hash", String::new()),
        SealedRow::Factor(id) => ("factor", "secret", id.to_string()),
        SealedRow::BackupCode(set, slot) => ("backup_code", "digest", backup_code_row(set, slot)),
    };
    let context = context(table, column, key, &row);
    let plaintext =
        vault.open(&context, &value.sealed).map_err(|error| damaged(table, key, error))?;
    Ok(vault.seal(&mut app.entropy.rng(), &context, &plaintext))
}

fn backup_code_row(set: BackupCodeSetId, slot: u8) -> String {
    format!("{set}/{slot}")
}
