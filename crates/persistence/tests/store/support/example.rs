//! Values that rules need and do not care about.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gatehouse_domain::audit::{Caller, Event, EventType, Resource};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::enrollment::{Enrollment, Factor, Owner, State};
use gatehouse_domain::id::{
    ApiKeyId, AuditEventId, BackupCodeSetId, CustomerKey, EnrollmentId, FactorId, SessionId,
    SignInId,
};
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_domain::portal::{Portal, PortalSettings};
use gatehouse_domain::session::{Limits, Session};
use gatehouse_domain::sign_in::{self, SignIn};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{TimeStep, TotpParameters};
use gatehouse_domain::vault::{Digest, DigestKind, KeyRing, Vault};
use gatehouse_domain::{api_key, enrollment};
use gatehouse_persistence::{Presented, Store, StoreError, Tx};
use uuid::Uuid;

pub const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_123_456);
pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_mins(1);
pub const LIMITS: Limits =
    Limits { idle: Duration::from_mins(30), absolute: Duration::from_hours(12) };

pub const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub const fn sign_in_id(number: u128) -> SignInId {
    SignInId::from_uuid(uuid(number))
}

/// As of a time after all that rules are about: none lives that has an older id than its
/// limits allow.
pub const fn session_id(number: u128) -> SessionId {
    const FIRST: u128 = (2_000_000_000_000 << 80) | (7 << 76) | (0b10 << 62);
    SessionId::from_uuid(uuid(FIRST + number))
}

/// What [`session_id`] was made of.
pub const fn session_number(id: SessionId) -> u128 {
    id.as_uuid().as_u128() & 0xffff
}

pub const fn backup_code_set(number: u128) -> BackupCodeSetId {
    BackupCodeSetId::from_uuid(uuid(number))
}

/// A digest of its own for every number.
pub fn digest(number: u128) -> Digest {
    static VAULT: LazyLock<Vault> = LazyLock::new(|| {
        let ring = format!("primary 00000001 {}", "A".repeat(43));
        Vault::new(&ring.parse::<KeyRing>().unwrap())
    });
    VAULT.digest(DigestKind::Session, &number.to_be_bytes())
}

pub fn key(portal: &str, customer: &str) -> CustomerKey {
    CustomerKey::new(portal.parse().unwrap(), customer.parse().unwrap())
}

/// The customer most rules are about.
pub fn ana() -> CustomerKey {
    key("acme", "ana")
}

pub fn portal(id: &str) -> Portal {
    Portal {
        id: id.parse().unwrap(),
        settings: PortalSettings::new(format!("The portal {id}")),
        created_at: NOW,
        updated_at: NOW,
        revision: 1,
    }
}

pub fn customer(key: &CustomerKey) -> Customer {
    Customer {
        key: key.clone(),
        email: Email::parse(&format!("{}@example.com", key.customer)).unwrap(),
        display_name: String::new(),
        suspended_at: None,
        generation: 1,
        has_password: false,
        password_revision: 1,
        codes: CodeBudget::default(),
        last_sign_in_at: None,
        created_at: NOW,
        updated_at: NOW,
        revision: 1,
    }
}

pub fn client() -> ClientContext {
    ClientContext::new(Some("2001:db8::7".parse().unwrap()), "Agent/1.0".to_owned()).unwrap()
}

pub fn factor(key: &CustomerKey) -> Factor {
    Factor {
        id: FactorId::from_uuid(uuid(1)),
        customer: key.clone(),
        parameters: TotpParameters::default(),
        accepted_step: TimeStep::from_number(100),
        enabled_at: NOW,
        last_used_at: None,
        enabled_by: Owner::Session(session_id(1)),
    }
}

pub fn enrollment(number: u128, owner: Owner) -> Enrollment {
    Enrollment {
        id: EnrollmentId::from_uuid(uuid(number)),
        customer: ana(),
        owner,
        state: State::Pending,
        parameters: TotpParameters::default(),
        charges: 0,
        failures: 0,
        charged_at: None,
        expires_at: NOW + enrollment::LIFETIME,
    }
}

/// Proven at `proven_at`.
pub fn sign_in(key: &CustomerKey, number: u128, proven_at: Timestamp) -> SignIn {
    SignIn {
        id: sign_in_id(number),
        customer: key.clone(),
        proven_at,
        expires_at: proven_at + sign_in::LIFETIME,
        enabled_factor: None,
        client: client(),
    }
}

/// Made at `created_at` and not used since.
pub fn session(key: &CustomerKey, number: u128, created_at: Timestamp) -> Session {
    Session {
        id: session_id(number),
        customer: key.clone(),
        created_at,
        last_used_at: created_at,
        authenticated_at: created_at,
        second_factor_at: None,
        limits: LIMITS,
        client: client(),
        ended: None,
    }
}

pub fn api_key(number: u128, grant: api_key::Grant) -> api_key::ApiKey {
    api_key::ApiKey {
        id: ApiKeyId::from_uuid(uuid(number)),
        display_name: format!("key {number}"),
        grant,
        created_at: NOW,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

/// An event that tells nothing; of two at one time the higher number comes later.
pub fn audit_event(number: u16, at: Timestamp) -> Event {
    let first = AuditEventId::lowest_at(at).as_uuid().as_u128();
    Event {
        id: AuditEventId::from_uuid(uuid(first | u128::from(number))),
        at,
        kind: EventType::CustomerCreated,
        resource: Resource::default(),
        caller: Caller::default(),
        client: ClientContext::default(),
        reason: None,
        attributes: Vec::new(),
    }
}

/// Puts these customers, and the portals they are of, in place.
pub async fn insert(store: &Arc<Store>, keys: &[CustomerKey]) {
    let tx = store.begin().await.unwrap();
    for key in keys {
        if tx.portal(&key.portal).await.unwrap().is_none() {
            tx.insert_portal(&portal(key.portal.as_str())).await.unwrap();
        }
        tx.insert_customer(&customer(key), None).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The API key with one of these digests.
pub async fn api_key_by(
    store: &Store,
    digests: &[Digest],
) -> Result<Option<api_key::ApiKey>, StoreError> {
    let presented = Presented { key: digests.to_vec(), session: Vec::new() };
    let found = store.read().authenticate(&[presented]).await?.remove(0)?;
    Ok(found.map(|found| (*found.key).clone()))
}

/// Commits what a transaction does.
pub async fn commit<T>(
    store: &Store,
    work: impl AsyncFnOnce(&Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let tx = store.begin().await?;
    let result = work(&tx).await?;
    tx.commit().await?;
    Ok(result)
}
