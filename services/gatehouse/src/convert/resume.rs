//! Resume tokens of the audit trail: sealed as page tokens are, and bound to what is watched.
//! They are kept for as long as a watcher is away, over upgrades, too: what they are bound to
//! is a text that does not change with the program.

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::id::name;
use gatehouse_persistence::AuditEventFilter;

use super::fields::Fields;
use super::page;
use crate::app::App;
use crate::trail::Position;

/// What makes and reads the tokens of those who watch the same.
pub struct ResumeTokens(page::List);

impl ResumeTokens {
    /// Of whoever watches what passes `filter`, which has no times.
    #[must_use]
    pub fn of(filter: &AuditEventFilter) -> Self {
        Self(page::List::new("WatchAuditEvents", &format_args!("{}", watched(filter))))
    }

    /// Where `token` goes on; nowhere for none.
    pub fn open(&self, app: &App, fields: &mut Fields, token: &str) -> Option<Position> {
        if token.is_empty() {
            return None;
        }
        let position = self.0.open(app, token).and_then(|text| parse(&text));
        if position.is_none() {
            fields.note("resume_token", "must come from an answer to the same request");
        }
        position
    }

    /// The token that goes on after `position`.
    #[must_use]
    pub fn seal(&self, app: &App, position: Position) -> String {
        let event = position.event.map(name::audit_event).unwrap_or_default();
        self.0.seal(app, &format!("{} {event}", position.number))
    }
}

fn parse(text: &str) -> Option<Position> {
    let (number, event) = text.split_once(' ')?;
    let event = match event {
        "" => None,
        event => Some(name::parse_audit_event(event).ok()?),
    };
    Some(Position { number: number.parse().ok()?, event })
}

/// What is watched, in one way: the order in which types are named changes nothing.
fn watched(filter: &AuditEventFilter) -> String {
    let AuditEventFilter { portals, customer, session, types, api_key, .. } = filter;
    let portals = match portals {
        PortalScope::All => "-".to_owned(),
        PortalScope::Some(portals) => sorted(portals),
    };
    let customer = customer.as_ref().map(ToString::to_string).unwrap_or_default();
    let session = session.map(|id| id.to_string()).unwrap_or_default();
    let api_key = api_key.map(|id| id.to_string()).unwrap_or_default();
    let types = sorted(types);
    format!("portals={portals} customer={customer} session={session} types={types} key={api_key}")
}

fn sorted(words: &[impl ToString]) -> String {
    let mut words = words.iter().map(ToString::to_string).collect::<Vec<_>>();
    words.sort_unstable();
    words.dedup();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use gatehouse_domain::id::{ApiKeyId, AuditEventId, SessionId};
    use uuid::Uuid;

    use super::*;

    /// Whoever changes these texts ends every token there is.
    #[test]
    fn what_tokens_are_bound_to_stays_as_it_is() {
        assert_eq!(watched(&AuditEventFilter::ALL), "portals=- customer= session= types= key=");
        let id = Uuid::from_u128(7);
        let narrow = AuditEventFilter {
            portals: PortalScope::Some(vec!["beta".parse().unwrap(), "acme".parse().unwrap()]),
            customer: Some("ana".parse().unwrap()),
            session: Some(SessionId::from_uuid(id)),
            types: ["sign_in", "mfa", "sign_in"].map(str::to_owned).to_vec(),
            api_key: Some(ApiKeyId::from_uuid(id)),
            ..AuditEventFilter::ALL
        };
        let text = "portals=acme,beta customer=ana session=00000000-0000-0000-0000-000000000007 \
                    types=mfa,sign_in key=00000000-0000-0000-0000-000000000007";
        assert_eq!(watched(&narrow), text);
    }

    #[test]
    fn a_position_is_a_number_and_its_event() {
        let event = AuditEventId::from_uuid(Uuid::from_u128(7));
        let text = format!("12 {}", name::audit_event(event));
        assert_eq!(parse(&text), Some(Position { number: 12, event: Some(event) }));
        assert_eq!(parse("0 "), Some(Position::START));
        for bad in ["", "12", "x ", "12 auditEvents/x", "-"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
