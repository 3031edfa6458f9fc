//! Rows of ImportCustomers: what a file of another system's customers is made into.

use gatehouse_api::v1;
use gatehouse_domain::email::Email;
use gatehouse_domain::field::{FieldViolation, Malformed};
use gatehouse_domain::id::{PortalId, name};
use gatehouse_domain::password::ForeignHash;
use gatehouse_domain::portal::check_display_name;
use gatehouse_domain::totp::{TotpAlgorithm, TotpParameters, TotpSecret};
use gatehouse_persistence::IMPORTED_AT_ONCE;

use super::fields::Fields;
use crate::error::AppError;
use crate::usecase::customers::import::{Import, ImportRow, Outcome};

/// The import into `portal`, each of its rows right or wrong.
///
/// # Errors
/// [`AppError::RequestInvalid`] for what is wrong with the request as a whole.
pub fn parse(request: v1::ImportCustomersRequest, portal: PortalId) -> Result<Import, AppError> {
    let mut fields = Fields::default();
    if !(1..=IMPORTED_AT_ONCE).contains(&request.customers.len()) {
        fields.note("customers", "1 to 1000 customers");
    }
    let skip_existing = match v1::ExistingCustomer::try_from(request.existing) {
        Ok(v1::ExistingCustomer::Skip) => true,
        Ok(v1::ExistingCustomer::Unspecified | v1::ExistingCustomer::Fail) => false,
        Err(_) => {
            fields.note("existing", "must be EXISTING_CUSTOMER_FAIL or EXISTING_CUSTOMER_SKIP");
            false
        }
    };
    fields.finish()?;
    let rows = request.customers.into_iter().map(row).collect();
    Ok(Import { portal, rows, skip_existing })
}

/// One row. What is wrong with it names fields within it.
///
/// # Errors
/// All that is wrong.
pub fn row(from: v1::CustomerImport) -> Result<ImportRow, Vec<FieldViolation>> {
    let mut fields = Fields::default();
    let id = match from.customer_id.as_str() {
        "" => Some(None),
        id => fields.take("customer_id", id.parse()).map(Some),
    };
    let email = fields.take("email", Email::parse(&from.email));
    fields.take("display_name", check_display_name(&from.display_name));
    let password = match from.password_hash.as_str() {
        "" => Some(None),
        hash => fields.take("password_hash", ForeignHash::import(hash)).map(Some),
    };
    let totp = match from.totp {
        None => Some(None),
        Some(totp) => self::totp(&mut fields, &totp).map(Some),
    };
    let display_name = from.display_name;
    let row = id.zip(email).zip(password.zip(totp)).map(|((id, email), (password, totp))| {
        ImportRow { id, email, display_name, password, totp }
    });
    fields.value_or_violations(row)
}

fn totp(fields: &mut Fields, totp: &v1::TotpImport) -> Option<(TotpSecret, TotpParameters)> {
    let secret = fields.take("totp.secret", TotpSecret::from_base32(&totp.secret));
    let parameters = totp.parameters.unwrap_or_default();
    let parameters = fields.take("totp.parameters", totp_parameters(parameters));
    secret.zip(parameters)
}

/// What is left out is what most apps take for granted: SHA-1, 6 digits, 30 seconds.
fn totp_parameters(given: v1::TotpParameters) -> Result<TotpParameters, Malformed> {
    let usual = TotpParameters::default();
    let algorithm = match v1::TotpAlgorithm::try_from(given.algorithm) {
        Ok(v1::TotpAlgorithm::Unspecified | v1::TotpAlgorithm::Sha1) => TotpAlgorithm::Sha1,
        Ok(v1::TotpAlgorithm::Sha256) => TotpAlgorithm::Sha256,
        Ok(v1::TotpAlgorithm::Sha512) => TotpAlgorithm::Sha512,
        Err(_) => return Err(Malformed("SHA1, SHA256 or SHA512")),
    };
    let digits = match given.digits {
        0 => usual.digits(),
        digits => digits.try_into().unwrap_or(u8::MAX),
    };
    let period_seconds = match given.period_seconds {
        0 => usual.period_seconds(),
        seconds => seconds.try_into().unwrap_or(u32::MAX),
    };
    TotpParameters::new(algorithm, digits, period_seconds)
}

/// The message of what became of each row, in their order.
#[must_use]
pub fn message(outcomes: &[Outcome]) -> v1::ImportCustomersResponse {
    let results = outcomes.iter().map(result).collect();
    v1::ImportCustomersResponse { results }
}

fn result(outcome: &Outcome) -> v1::ImportResult {
    let (word, customer, errors) = match outcome {
        Outcome::Created(key) => {
            let made = key.as_ref().map(name::customer).unwrap_or_default();
            (v1::ImportOutcome::Created, made, Vec::new())
        }
        Outcome::Skipped(key) => (v1::ImportOutcome::Skipped, name::customer(key), Vec::new()),
        Outcome::Conflict(key, violations) => {
            (v1::ImportOutcome::Conflict, name::customer(key), errors(violations))
        }
        Outcome::Invalid(violations) => {
            (v1::ImportOutcome::Invalid, String::new(), errors(violations))
        }
    };
    v1::ImportResult { outcome: word.into(), customer, errors }
}

fn errors(violations: &[FieldViolation]) -> Vec<String> {
    violations.iter().map(ToString::to_string).collect()
}
