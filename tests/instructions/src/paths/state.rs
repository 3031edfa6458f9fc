//! Decisions without cryptography, each over several cases: one alone is a handful of instructions,
//! of which a single one would be more than the tolerance.

use std::hint::black_box;
use std::time::Duration;

use anyhow::ensure;
use gatehouse_domain::audit::{ChainEnd, StoredEvent};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{AuditEventId, CustomerKey, FactorId, SessionId, SignInId};
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_domain::portal::{LockoutPolicy, PortalSettings, SamlConfig, SessionPolicy};
use gatehouse_domain::session::{Limits, Session, SessionEnd};
use gatehouse_domain::sign_in::{Next, SignIn};
use gatehouse_domain::throttle::{
    ADDRESS, ADDRESS_AND_SOURCE, ADDRESS_FROM_KNOWN_SOURCE, INVITATION_REQUEST, SOURCE, Throttle,
};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{KeyRing, Vault};

use super::{Call, Numbers, call};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A charge of each rule, counted before, and its return.
pub fn throttles() -> anyhow::Result<Call> {
    let rules =
        [&ADDRESS_AND_SOURCE, &ADDRESS, &ADDRESS_FROM_KNOWN_SOURCE, &SOURCE, &INVITATION_REQUEST];
    let before = NOW - Duration::from_mins(2);
    let counted = rules
        .map(|rule| (0..6).fold(Throttle::default(), |throttle, _| throttle.count(before, rule)));
    let admitted = counted.iter().zip(rules).filter(|(had, rule)| had.charge(NOW, rule).is_ok());
    ensure!(admitted.count() == rules.len(), "each may be charged");
    call(move || {
        for (throttle, rule) in black_box(&counted).iter().zip(rules) {
            let charged = throttle.charge(black_box(NOW), rule);
            black_box(charged.map(|charged| charged.take_back(black_box(NOW), rule))).ok();
        }
    })
}

/// Eleven charges, each judged wrong: the tenth begins a lock, which refuses the last.
pub fn code_budget() -> anyhow::Result<Call> {
    let policy = LockoutPolicy::default();
    let judge = move || {
        let mut budget = black_box(CodeBudget::default());
        while let Ok(charged) = budget.charge(black_box(NOW), &policy) {
            budget = black_box(charged.fail(NOW, &policy));
        }
        budget
    };
    ensure!(judge().failures == 10, "ten are judged");
    call(judge)
}

/// A live one, an idle one and one that has been ended, and whether their use is to be written.
pub fn session() -> anyhow::Result<Call> {
    let policy = SessionPolicy::default();
    let live = Session {
        id: SessionId::generate(NOW, &mut Numbers(0)),
        customer: CustomerKey::new("acme".parse()?, "ana".parse()?),
        created_at: NOW,
        last_used_at: NOW,
        authenticated_at: NOW,
        second_factor_at: Some(NOW),
        limits: Limits::from(&policy),
        client: ClientContext::default(),
        ended: None,
    };
    let idle = Session { last_used_at: NOW - Duration::from_hours(1), ..live.clone() };
    let ended = Session { ended: Some((NOW, SessionEnd::SignedOut)), ..live.clone() };
    let sessions = [live, idle, ended];
    let lives = |session: &&Session| session.check_live(NOW, &policy).is_ok();
    ensure!(sessions.iter().filter(lives).count() == 1, "one lives");
    call(move || {
        for session in black_box(&sessions) {
            black_box(session.check_live(black_box(NOW), &policy)).ok();
            black_box(session.expires_at(&policy));
            black_box(session.activity_is_due(black_box(NOW), &policy));
            black_box(session.proven_at(black_box(Some(NOW))));
        }
    })
}

/// What a sign-in asks next, with and without a factor, under each policy.
pub fn sign_in() -> anyhow::Result<Call> {
    let customer = CustomerKey::new("acme".parse()?, "ana".parse()?);
    let id = SignInId::generate(NOW, &mut Numbers(0));
    let sign_in = SignIn::proven(id, customer, ClientContext::default(), Next::SecondFactor, NOW);
    let off = PortalSettings::new("Acme".to_owned());
    let mut enforced = off.clone();
    enforced.mfa.enforced = true;
    let mut announced = enforced.clone();
    announced.mfa.enforced_from = Some(NOW + Duration::from_hours(1));
    let mut saml = off.clone();
    saml.saml = Some(SamlConfig {
        idp_entity_id: String::new(),
        sso_url: String::new(),
        idp_certificate: String::new(),
    });
    let policies = [off, enforced, announced, saml];
    let factors = [None, Some(FactorId::generate(NOW, &mut Numbers(0)))];
    call(move || {
        for settings in black_box(&policies) {
            for factor in black_box(factors) {
                black_box(black_box(&sign_in).next(settings, factor, black_box(NOW)));
            }
        }
    })
}

/// An event with its fifteen columns as long as those of a failed sign-in.
pub fn audit_chain() -> anyhow::Result<Call> {
    let text = |length: usize| "x".repeat(length);
    let vault = Vault::new(&KeyRing::generate(&mut Numbers(0)));
    let id = AuditEventId::generate(NOW, &mut Numbers(0));
    let event = StoredEvent {
        id: id.as_uuid(),
        event_at: 0,
        kind: text(14),
        portal_id: Some(text(4)),
        customer_id: Some(text(36)),
        session_id: None,
        api_key_id: Some(id.as_uuid()),
        api_key_display_name: text(12),
        claimed_actor: String::new(),
        caller_address: text(17),
        request_id: text(36),
        client_ip: text(11),
        client_user_agent: text(101),
        reason: Some(text(20)),
        attributes: text(24),
    };
    call(move || black_box(ChainEnd::START).next(Some(vault.chain()), black_box(&event)))
}
