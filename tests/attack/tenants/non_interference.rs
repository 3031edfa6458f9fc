//! What one portal sees is a function of its own calls (C8): the same history of `acme` has the
//! same answers whatever happens in `beta` meanwhile.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason;

use crate::credentials::WRONG;
use gatehouse_tests::{
    Acme, Answer, Authenticator, Database, EMAIL, PASSWORD, Refusal, SignInExt, TestServer, client,
};

gatehouse_tests::on_each_database! {
    a_portal_is_answered_the_same_whatever_another_does,
}

/// All that `acme` was told, in order.
#[derive(Default)]
struct Told(Vec<String>);

impl Told {
    /// Notes an answer by what of it is not random; a refusal whole.
    fn note<T, S: Debug>(&mut self, what: &str, answer: Answer<T>, seen: impl FnOnce(T) -> S) {
        let told = match answer {
            Ok(answer) => format!("{:?}", seen(answer)),
            Err(status) => format!("{:?}", Refusal::read(&status)),
        };
        self.0.push(format!("{what}: {told}"));
    }
}

/// What happens in `beta` between two calls of `acme`.
trait Neighbor {
    async fn act(&mut self, turn: usize);
}

/// There is no other portal.
struct Nobody;

impl Neighbor for Nobody {
    async fn act(&mut self, _: usize) {}
}

/// A portal with a customer of the same address and password, tried from the same source.
struct Beta {
    portal: Acme,
    phone: Authenticator,
    session: String,
    /// A sign-in past its password, for codes.
    at_code: String,
    /// Why its tries were refused.
    refused: BTreeSet<&'static str>,
}

impl Beta {
    async fn new(server: TestServer) -> Self {
        let beta = Acme::called(server, "beta").await;
        beta.enforce(true).await;
        let sign_in = beta.sign_in().await;
        let phone = beta.enable(&sign_in).await;
        let session = beta.web.finish(&sign_in.token).await.unwrap().issued().token;
        let at_code = beta.sign_in().await.token;
        Self { portal: beta, phone, session, at_code, refused: BTreeSet::new() }
    }
}

impl Neighbor for Beta {
    /// Whatever it comes to: guesses until all is throttled and locked, floods of everything that
    /// is counted, changes of policy, suspension, and the end of the portal.
    async fn act(&mut self, turn: usize) {
        let Self { portal: beta, phone, session, at_code, refused } = self;
        let mut note = |answer: Answer<v1::SignIn>| {
            if let Err(status) = answer {
                refused.insert(Refusal::read(&status).reason().as_str_name());
            }
        };
        for n in 0..3 {
            note(beta.web.sign_in(EMAIL, WRONG).await);
            drop(beta.web.sign_in(&format!("c{n}@example.com"), WRONG).await);
            drop(beta.web.request_invitation(EMAIL).await);
            let wrong = phone.wrong_code(beta.server.now());
            for _ in 0..5 {
                note(beta.web.totp(at_code, &wrong).await);
            }
        }
        drop(beta.web.sign_out(session).await);
        match turn % 9 {
            1 => drop(beta.admin.suspend(&beta.customer, true).await),
            3 => drop(beta.admin.reset_mfa(&beta.customer).await),
            4 => drop(beta.admin.suspend(&beta.customer, false).await),
            5 => drop(beta.admin.revoke_sessions(&beta.portal).await),
            7 => drop(beta.admin.unlock(&beta.customer).await),
            8 if turn > 20 => {
                if let Ok(portal) = beta.admin.portal(&beta.portal).await {
                    beta.admin.delete_portal(&beta.portal, &portal.etag, true).await.unwrap();
                }
            }
            _ => {}
        }
    }
}

/// Everything that a portal does, and everything that can be refused, with the other's turns in
/// between.
async fn history(acme: &Acme, neighbor: &mut impl Neighbor) -> Vec<String> {
    let mut told = Told::default();
    macro_rules! note {
        ($what:expr, $answer:expr, $seen:expr) => {
            neighbor.act(told.0.len()).await;
            told.note($what, $answer.await, $seen);
        };
    }
    let (web, server) = (&acme.web, &acme.server);
    let sign_in = acme.sign_in().await;
    note!("get", web.get(&sign_in.token), |sign_in| sign_in.step());
    let phone = acme.enable(&sign_in).await;
    note!("codes", web.backup_codes(&sign_in.token), |(codes, _)| codes.len());
    let session = web.finish(&sign_in.token).await.unwrap().issued();
    note!("validate", web.validate(&session.token), |valid| valid
        .session
        .map(|session| session.assurance));
    acme.next_code();

    for n in 0..7 {
        note!("wrong password", web.sign_in(EMAIL, WRONG), |sign_in| sign_in.step());
        if n > 4 {
            server.pass(Duration::from_secs(3));
        }
    }
    let elsewhere = v1::ClientContext { ip_address: "198.51.100.9".to_owned(), ..client() };
    note!("start", web.start_from(EMAIL, elsewhere.clone()), |sign_in| sign_in.step());
    let started = web.start_from(EMAIL, elsewhere).await.unwrap();
    note!("password", web.password(&started.token, PASSWORD), |sign_in| sign_in.step());
    server.pass(Duration::from_secs(10));
    for _ in 0..4 {
        note!("ask", web.request_invitation(EMAIL), |asked| asked.is_some());
    }

    let at_code = web.sign_in(EMAIL, PASSWORD).await.unwrap();
    for code in phone.wrong_codes(server.now()).take(11) {
        note!("wrong code", web.totp(&at_code.token, &code), |sign_in| sign_in.step());
    }
    note!("lock", web.get(&at_code.token), |sign_in| sign_in.lock().map(|lock| lock.failures));
    note!("customer", acme.admin.customer(&acme.customer), |customer| {
        (customer.email, customer.suspended, customer.lock.map(|lock| lock.failures), customer.etag)
    });
    server.pass(Duration::from_mins(15));
    let at_code = web.sign_in(EMAIL, PASSWORD).await.unwrap();
    let code = phone.code(server.now());
    note!("code", web.totp(&at_code.token, &code), |sign_in| sign_in.step());
    note!("again", web.totp(&at_code.token, &code), |sign_in| sign_in.step());
    let account = web.account(&session.token);
    note!("sessions", account.sessions(10, ""), |(sessions, next)| (sessions.len(), next));
    note!("mfa", account.mfa(), |mfa| (mfa.backup_codes_remaining, mfa.factors.len()));
    note!("disable", account.disable_mfa(), |_| ());
    note!("portal", acme.admin.portal(&acme.portal), |portal| (portal.name, portal.etag));
    note!("list", acme.admin.sessions("portals/acme/customers/-"), |sessions| sessions.len());
    let only_acme = v1::AuditEventFilter { resource: acme.portal.clone(), ..Default::default() };
    note!("audit", acme.admin.audit_events(only_acme), |events| {
        let seen = events.into_iter().map(|event| (event.r#type, event.attributes.len()));
        // At one time they come in any order.
        seen.collect::<BTreeSet<_>>()
    });
    note!("suspend", acme.admin.suspend(&acme.customer, true), |customer| customer.suspended);
    note!("validate", web.validate(&session.token), |valid| valid
        .session
        .map(|session| session.assurance));
    note!("sign in", web.sign_in(EMAIL, PASSWORD), |sign_in| sign_in.step());
    told.0
}

/// Zitadel (CVE-2026-105209) looked for the tenant in a header and not at the object.
async fn a_portal_is_answered_the_same_whatever_another_does(server: TestServer) {
    let database = if server.is_on_postgres() { Database::Postgres } else { Database::Sqlite };
    let alone = TestServer::start(database).await;
    let acme = Acme::enforcing(alone).await;
    let expected = history(&acme, &mut Nobody).await;
    assert!(expected.len() > 30);

    let acme = Acme::enforcing(server.clone()).await;
    let mut neighbor = Beta::new(server).await;
    let told = history(&acme, &mut neighbor).await;
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
    // The other was no quiet one.
    let Beta { portal: beta, refused, .. } = neighbor;
    for reason in [ErrorReason::Throttled, ErrorReason::SignInLocked] {
        assert!(refused.contains(reason.as_str_name()), "{refused:?}");
    }
    assert!(beta.admin.portal(&beta.portal).await.is_err(), "and it is gone");
}
