//! What a change of settings means for customers, before it is made.

use gatehouse_api::v1::{PolicyImpact, Portal};
use jiff::Timestamp;
use maud::{Markup, html};

use super::PATH;
use super::typed::Typed;
use crate::console::frame;
use crate::page::{Check, actions, button, counted, post};
use crate::time;

/// The page that asks. Everything that was typed goes along, so that what is saved is what was shown.
pub fn page(before: &Portal, after: &Portal, impact: PolicyImpact, typed: &Typed) -> Markup {
    let now = time::now();
    let announced = from(after).is_some_and(|from| from > now);
    // While enforcement is announced no session is too weak yet.
    let weaker = if announced { 0 } else { impact.weaker_sessions };
    let end = format!("Also end the {} weaker than that", sessions_that_are(weaker));
    let end = Check {
        name: "end_weaker_sessions",
        label: &end,
        hint: "Otherwise sessions go on until they end by themselves.",
        ..Check::default()
    };
    let body = html! {
        div class="card" {
            @for sentence in sentences(before, after, impact, now) { p { (sentence) } }
        }
        (post("/settings/save", &html! {
            @for (name, value) in typed.fields() { input type="hidden" name=(name) value=(value); }
            @if weaker > 0 { (end.render()) }
            (actions(&html! {
                (button("Save"))
                button type="submit" class="quiet" formaction={ (PATH) "/back" } { "Back" }
            }))
        }))
    };
    frame(PATH).page("Save these settings?", &body)
}

fn enforces(portal: &Portal) -> bool {
    portal.mfa.as_ref().is_some_and(|mfa| mfa.enforced)
}

fn from(portal: &Portal) -> Option<Timestamp> {
    time::read(portal.mfa.as_ref()?.enforced_from_time)
}

fn sessions_that_are(count: i32) -> String {
    match count {
        1 => "1 session that is".to_owned(),
        count => format!("{count} sessions that are"),
    }
}

/// The change in words.
fn sentences(before: &Portal, after: &Portal, impact: PolicyImpact, now: Timestamp) -> Vec<Markup> {
    let mut all = Vec::new();
    let of_mfa = (enforces(before), from(before)) != (enforces(after), from(after));
    match (of_mfa, enforces(after)) {
        (false, _) => {}
        (true, true) => all.push(to_enroll(impact, from(after).filter(|from| *from > now))),
        (true, false) => all.push(html! {
            "Nobody has to set up MFA any more. Factors in force stay in force."
        }),
    }
    match (&before.saml, &after.saml) {
        (before, after) if before == after => {}
        (_, None) => all.push(html! { "Customers sign in with their passwords again." }),
        (None, Some(saml)) => all.push(html! {
            "Customers sign in at " (saml.sso_url) " and no longer with their passwords. Sessions go on."
        }),
        (Some(_), Some(saml)) => all.push(html! { "Customers sign in at " (saml.sso_url) "." }),
    }
    all
}

fn to_enroll(impact: PolicyImpact, announced: Option<Timestamp>) -> Markup {
    if impact.customers_to_enroll == 0 {
        return html! {
            "No customer has to set up MFA: "
            @if impact.customers == 0 { "there are none yet." }
            @else { "everybody has done so." }
        };
    }
    let customers = counted(impact.customers_to_enroll, "customer", "customers");
    html! {
        (customers) " will have to set up MFA at their "
        @if let Some(from) = announced { "first sign-in from " (time::moment(from)) "." }
        @else { "next sign-in." }
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_api::v1::{MfaPolicy, SamlConfig};

    use super::*;

    const NOW: &str = "2026-08-01T00:00:00Z";

    fn portal(enforced: bool, from: Option<&str>) -> Portal {
        let enforced_from_time = from.map(|from| time::message(from.parse().unwrap()));
        let mfa = MfaPolicy { enforced, enforced_from_time, ..MfaPolicy::default() };
        Portal { mfa: Some(mfa), ..Portal::default() }
    }

    fn of_saml() -> Portal {
        let saml =
            SamlConfig { sso_url: "https://idp.example/sso".into(), ..SamlConfig::default() };
        Portal { saml: Some(saml), ..portal(false, None) }
    }

    /// Without tags.
    fn told(before: &Portal, after: &Portal, to_enroll: i32) -> String {
        let impact = PolicyImpact {
            customers: 20,
            customers_to_enroll: to_enroll,
            ..PolicyImpact::default()
        };
        let all = sentences(before, after, impact, NOW.parse().unwrap());
        let all = all.into_iter().map(Markup::into_string).collect::<Vec<_>>().join(" ");
        let texts = all.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        texts.collect()
    }

    #[test]
    fn enforcement_tells_how_many_have_to_set_up_mfa() {
        let (off, on) = (portal(false, None), portal(true, None));
        for (count, text) in [
            (14, "14 customers will have to set up MFA at their next sign-in."),
            (1, "1 customer will have to set up MFA at their next sign-in."),
            (0, "No customer has to set up MFA: everybody has done so."),
        ] {
            assert_eq!(told(&off, &on, count), text);
        }
    }

    #[test]
    fn an_announced_date_is_told() {
        let announced = portal(true, Some("2026-12-01T14:05:00Z"));
        let text = "2 customers will have to set up MFA at their first sign-in from \
                    1 December 2026, 14:05 UTC.";
        assert_eq!(told(&portal(false, None), &announced, 2), text);
        let past = portal(true, Some("2026-07-01T14:05:00Z"));
        let text = "2 customers will have to set up MFA at their next sign-in.";
        assert_eq!(told(&announced, &past, 2), text);
    }

    #[test]
    fn switching_off_keeps_factors() {
        let text = "Nobody has to set up MFA any more. Factors in force stay in force.";
        assert_eq!(told(&portal(true, None), &portal(false, None), 0), text);
    }

    #[test]
    fn saml_is_told_of_and_nothing_that_stays() {
        let plain = portal(false, None);
        assert!(
            told(&plain, &of_saml(), 0)
                .starts_with("Customers sign in at https://idp.example/sso ")
        );
        assert_eq!(told(&of_saml(), &plain, 0), "Customers sign in with their passwords again.");
        assert_eq!(told(&of_saml(), &of_saml(), 0), "");
    }
}
