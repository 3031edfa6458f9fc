//! Conversions between columns and domain values that several tables share.
//! Each gives `None` for what no version of gatehouse writes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::email::Email;
use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::id::{CustomerKey, SessionId, SignInId};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{TotpAlgorithm, TotpParameters};
use gatehouse_domain::vault::Digest;
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

pub(crate) fn times(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

pub(crate) fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}

/// Which key of the ring a digest is under. Rows of a program that did not note it
/// have none.
pub(crate) fn key_id(digest: &Digest) -> i64 {
    u32::from(digest.key_id()).into()
}

/// Numbers that the domain bounds far below what an integer column holds.
pub(crate) fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Durations are bounded by the domain to days, far below what `i64` holds.
pub(crate) fn duration_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn duration(micros: i64) -> Option<Duration> {
    u64::try_from(micros).ok().map(Duration::from_micros)
}

/// An optional column: absent is fine, present and wrong is not.
#[expect(clippy::option_option, reason = "outside: can be decoded; inside: is there")]
pub(crate) fn optional<T, U>(
    value: Option<T>,
    convert: impl FnOnce(T) -> Option<U>,
) -> Option<Option<U>> {
    value.map_or(Some(None), |value| convert(value).map(Some))
}

pub(crate) fn customer_key(portal: &str, customer: &str) -> Option<CustomerKey> {
    Some(CustomerKey::new(portal.parse().ok()?, customer.parse().ok()?))
}

pub(crate) fn email(text: &str) -> Option<Email> {
    Email::parse(text).ok().filter(|email| email.as_str() == text)
}

pub(crate) fn client(ip: &str, user_agent: String) -> Option<ClientContext> {
    let ip = match ip {
        "" => None,
        ip => Some(ip.parse::<IpAddr>().ok()?),
    };
    ClientContext::new(ip, user_agent).ok()
}

pub(crate) fn client_ip(client: &ClientContext) -> String {
    client.ip_address().map(|ip| ip.to_string()).unwrap_or_default()
}

pub(crate) fn owner(sign_in: Option<Uuid>, session: Option<Uuid>) -> Option<Owner> {
    match (sign_in, session) {
        (Some(id), None) => Some(Owner::SignIn(SignInId::from_uuid(id))),
        (None, Some(id)) => Some(Owner::Session(SessionId::from_uuid(id))),
        _ => None,
    }
}

/// The two columns of an owner: sign-in, session.
pub(crate) fn owner_columns(owner: Owner) -> (Option<Uuid>, Option<Uuid>) {
    match owner {
        Owner::SignIn(id) => (Some(id.as_uuid()), None),
        Owner::Session(id) => (None, Some(id.as_uuid())),
    }
}

pub(crate) fn totp_parameters(algorithm: &str, digits: i32, period: i32) -> Option<TotpParameters> {
    let algorithm = match algorithm {
        "SHA1" => TotpAlgorithm::Sha1,
        "SHA256" => TotpAlgorithm::Sha256,
        "SHA512" => TotpAlgorithm::Sha512,
        _ => return None,
    };
    TotpParameters::new(algorithm, digits.try_into().ok()?, period.try_into().ok()?).ok()
}

pub(crate) const fn totp_algorithm(parameters: TotpParameters) -> &'static str {
    match parameters.algorithm() {
        TotpAlgorithm::Sha1 => "SHA1",
        TotpAlgorithm::Sha256 => "SHA256",
        TotpAlgorithm::Sha512 => "SHA512",
    }
}

/// Rows of all of `keys`, and perhaps of others with a portal of one and an id
/// of another: a list of pairs is not portable, and a chain of ORs is bounded.
pub(crate) fn any_customer<C: ColumnTrait>(columns: (C, C), keys: &[CustomerKey]) -> Condition {
    let portals: BTreeSet<_> = keys.iter().map(|key| key.portal.as_str()).collect();
    Condition::all()
        .add(columns.0.is_in(portals))
        .add(columns.1.is_in(keys.iter().map(|key| key.customer.as_str())))
}

/// Rows of one customer.
pub(crate) fn of_customer<C: ColumnTrait>(columns: (C, C), key: &CustomerKey) -> Condition {
    Condition::all().add(columns.0.eq(key.portal.as_str())).add(columns.1.eq(key.customer.as_str()))
}
