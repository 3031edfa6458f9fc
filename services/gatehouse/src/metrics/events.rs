//! Sign-ins and whatever else the audit trail tells of, counted from its events once they are
//! committed: what is not in the trail did not happen.

use gatehouse_domain::audit::{Event, EventType};
use prometheus::{IntCounterVec, Registry, Result};

use super::calls::reason_word;
use super::catalog;

/// Counts events.
pub(super) struct EventMetrics {
    events: IntCounterVec,
    sign_ins: IntCounterVec,
    reauthentications: IntCounterVec,
}

/// What a value is that is not one of those that an attribute has.
const OTHER: &str = "other";
/// What was presented, and the second factor of a sign-in that succeeded.
const PROOFS: [&str; 4] = ["none", "password", "totp", "backup_code"];

impl EventMetrics {
    pub(super) fn new() -> Result<Self> {
        let metrics = Self {
            events: catalog::AUDIT_EVENTS.counters()?,
            sign_ins: catalog::SIGN_INS.counters()?,
            reauthentications: catalog::REAUTHENTICATIONS.counters()?,
        };
        // What grows from nothing would look as if it never grew.
        for kind in EventType::ALL {
            metrics.events.get_metric_with_label_values(&[kind.as_str(), ""])?;
        }
        for factor in ["none", "totp", "backup_code"] {
            metrics.sign_ins.get_metric_with_label_values(&["succeeded", factor, ""])?;
        }
        for proof in ["password", "totp", "backup_code"] {
            let refused = ["refused", proof, "CREDENTIALS_REJECTED"];
            metrics.sign_ins.get_metric_with_label_values(&refused)?;
            metrics.reauthentications.get_metric_with_label_values(&refused)?;
            metrics.reauthentications.get_metric_with_label_values(&["accepted", proof, ""])?;
        }
        Ok(metrics)
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.events.clone()))?;
        registry.register(Box::new(self.sign_ins.clone()))?;
        registry.register(Box::new(self.reauthentications.clone()))
    }

    pub(super) fn count(&self, event: &Event) {
        let reason = event.reason.map_or("", reason_word);
        self.events.with_label_values(&[event.kind.as_str(), reason]).inc();
        self.count_proof(event);
    }

    /// Counts what was proven, or refused: also a refusal that has no event of its own.
    pub(super) fn count_proof(&self, event: &Event) {
        let reason = event.reason.map_or("", reason_word);
        let (counters, outcome, attribute) = match event.kind {
            EventType::SignInSucceeded => (&self.sign_ins, "succeeded", "factor"),
            EventType::SignInFailed => (&self.sign_ins, "refused", "proof"),
            EventType::SessionReauthenticated => (&self.reauthentications, "accepted", "proof"),
            EventType::ReauthenticationFailed => (&self.reauthentications, "refused", "proof"),
            _ => return,
        };
        let value = event.attributes.iter().find(|(key, _)| *key == attribute);
        // A label is one of ours, whatever an event may come to hold.
        let proof = PROOFS.into_iter().find(|word| value.is_some_and(|(_, value)| value == word));
        counters.with_label_values(&[outcome, proof.unwrap_or(OTHER), reason]).inc();
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_domain::audit::{Caller, Resource};
    use gatehouse_domain::client::ClientContext;
    use gatehouse_domain::id::AuditEventId;
    use gatehouse_domain::time::Timestamp;

    use super::*;

    fn event(
        kind: EventType,
        attribute: (&'static str, &str),
        reason: Option<&'static str>,
    ) -> Event {
        Event {
            id: AuditEventId::from_uuid(uuid::Uuid::nil()),
            at: Timestamp::EPOCH,
            kind,
            resource: Resource::default(),
            caller: Caller::default(),
            client: ClientContext::default(),
            reason,
            attributes: vec![(attribute.0, attribute.1.to_owned())],
        }
    }

    #[test]
    fn sign_ins_are_counted_by_outcome_factor_and_reason() {
        let metrics = EventMetrics::new().unwrap();
        metrics.count(&event(EventType::SignInSucceeded, ("factor", "totp"), None));
        let locked = Some("ERROR_REASON_SIGN_IN_LOCKED");
        metrics.count(&event(EventType::SignInFailed, ("proof", "backup_code"), locked));
        metrics.count(&event(EventType::SessionReauthenticated, ("proof", "password"), None));
        let count = |of: &IntCounterVec, labels: [&str; 3]| of.with_label_values(&labels).get();
        assert_eq!(count(&metrics.sign_ins, ["succeeded", "totp", ""]), 1);
        assert_eq!(count(&metrics.sign_ins, ["refused", "backup_code", "SIGN_IN_LOCKED"]), 1);
        assert_eq!(count(&metrics.reauthentications, ["accepted", "password", ""]), 1);
        let kind = ["sign_in.failed", "SIGN_IN_LOCKED"];
        assert_eq!(metrics.events.with_label_values(&kind).get(), 1);
    }

    #[test]
    fn what_an_attribute_holds_is_no_label() {
        let metrics = EventMetrics::new().unwrap();
        metrics.count(&event(EventType::SignInSucceeded, ("factor", "ana@example.com"), None));
        let labels = ["succeeded", OTHER, ""];
        assert_eq!(metrics.sign_ins.with_label_values(&labels).get(), 1);
    }
}
