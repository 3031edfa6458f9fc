//! docs/runbooks.md: every command of it, typed as it stands where things are as it says.

use std::fs;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason;
use gatehouse_api::v1::api_key::Grant;

use crate::support::{
    Acme, EMAIL, Ended, PASSWORD, PORTAL, Server, Site, commands, refused, run, shell, until,
};

const RUNBOOKS: &str = include_str!("../../../../docs/runbooks.md");

/// Somebody at a terminal of the server, with one runbook open.
struct Night<'a> {
    site: &'a Site,
    server: &'a Server,
    blocks: std::vec::IntoIter<&'static str>,
}

impl<'a> Night<'a> {
    fn with(site: &'a Site, server: &'a Server, runbook: &str) -> Self {
        let blocks = commands(RUNBOOKS, Some(runbook));
        assert!(!blocks.is_empty(), "{runbook}");
        Self { site, server, blocks: blocks.into_iter() }
    }

    /// Types the next block.
    fn types(&mut self) -> Ended {
        let block = self.blocks.next().expect("the runbook goes on");
        let mut shell = shell(self.site, self.server, "-u", block);
        shell.env("GATEHOUSE_ADMIN_KEY_FILE", self.site.folder().join("owner.key"));
        run(shell)
    }

    /// What the next block prints, all of which succeeds.
    fn prints(&mut self) -> String {
        let ended = self.types();
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// No more than this is typed.
    fn ends(mut self) {
        assert_eq!(self.blocks.next(), None);
    }
}

async fn set_up(site: &Site) -> (Server, Acme) {
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.keep_owner_key()).await;
    (server, acme)
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_locked_out() {
    let site = Site::sqlite();
    let (server, _) = set_up(&site).await;
    fs::remove_file(site.folder().join("owner.key")).unwrap();
    let mut night = Night::with(&site, &server, "Administrators are locked out");
    assert!(night.prints().contains("acme"));
    night.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_locked_out() {
    let site = Site::sqlite();
    let (server, acme) = set_up(&site).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let token = web.sign_in().await.token;
    for _ in 0..10 {
        refused(web.totp(&token, &ana.phone.wrong_code()).await);
    }
    let refusal = refused(web.totp(&token, &ana.phone.second_code()).await);
    assert_eq!(refusal.reason, ErrorReason::SignInLocked.as_str_name());

    let mut night = Night::with(&site, &server, "A customer is locked out");
    let shown = night.prints();
    assert!(shown.contains("locked until"), "{shown}");
    assert!(shown.contains("sign_in_locked") && shown.contains("credentials_rejected"), "{shown}");
    night.prints();
    assert!(!night.prints().contains(EMAIL), "nobody is locked any more");
    night.ends();
    web.totp(&token, &ana.phone.second_code()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_ring_is_lost() {
    let site = Site::sqlite();
    let (server, acme) = set_up(&site).await;
    let ring = site.data_dir().join("keyring");
    fs::copy(&ring, site.folder().join("keyring.backup")).unwrap();
    fs::remove_file(&ring).unwrap();
    let missing = "the database is in use and its key ring is missing: put it back at ";
    let second = run(site.command(&["serve"]));
    assert!(second.stderr.contains(missing) && second.code == Some(1), "{}", second.stderr);
    // The one that runs has it in memory.
    acme.web(&server).sign_in().await;

    let mut night = Night::with(&site, &server, "The key ring is lost");
    let seen = night.types();
    assert!(seen.code == Some(1) && seen.stderr.contains(missing), "{}", seen.stderr);
    assert!(!night.prints().is_empty(), "its keys are listed");
    night.ends();
    server.process.kill();
    let server = site.serve(&[]);
    acme.web(&server).sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_away() {
    let site = Site::postgres().await;
    let (server, acme) = set_up(&site).await;
    site.allow_connections(false);
    let is_ready = || run(site.command(&["healthcheck", "--listen", &server.address.to_string()]));
    until(|| is_ready().code == Some(1));
    let refusal = refused(acme.web(&server).start().await);
    assert_eq!(refusal.reason, ErrorReason::StoreUnavailable.as_str_name());

    let mut night = Night::with(&site, &server, "The database is away");
    let seen = night.types();
    assert!(seen.stderr.contains("NOT_SERVING"), "{}", seen.stderr);
    assert!(seen.code != Some(0) && seen.stderr.contains("not currently accepting connections"));
    site.allow_connections(true);
    until(|| is_ready().code == Some(0));
    let ended = night.types();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    night.ends();
    acme.web(&server).sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_leaked() {
    let site = Site::sqlite();
    let (server, acme) = set_up(&site).await;
    let portals = vec![PORTAL.to_owned()];
    let role = v1::AdminRole::Owner.into();
    let leaked = v1::ApiKey {
        display_name: "leaked".to_owned(),
        grant: Some(Grant::Admin(v1::AdminGrant { role, portals })),
        ..Default::default()
    };
    let request = v1::CreateApiKeyRequest { api_key: Some(leaked) };
    let made = acme.admin(&server).create_api_key(request).await.unwrap().into_inner();
    let thief = Acme { owner_key: made.secret, ..acme };
    let customers = v1::ListCustomersRequest { parent: PORTAL.to_owned(), ..Default::default() };
    let customers = thief.admin(&server).list_customers(customers).await.unwrap().into_inner();
    let request = v1::CreateInvitationRequest { customer: customers.customers[0].name.clone() };
    thief.admin(&server).create_invitation(request).await.unwrap();
    thief.web(&server).sign_in().await;

    let mut night = Night::with(&site, &server, "A key has leaked");
    let seen = night.prints();
    assert!(seen.contains("invitation.created") && seen.contains("127.0.0.1"), "{seen}");
    night.prints();
    let new = fs::read_to_string(site.folder().join("new.key")).unwrap();
    assert!(new.starts_with("ghp_"));
    night.prints();
    let gone = thief.admin(&server).list_portals(v1::ListPortalsRequest::default()).await;
    assert_eq!(refused(gone).reason, ErrorReason::ApiKeyInvalid.as_str_name());
    let seen = night.prints();
    assert!(seen.contains("invitation.created"), "{seen}");
    night.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portals_key_was_used() {
    let site = Site::sqlite();
    let (server, acme) = set_up(&site).await;
    let access = v1::PortalAccess::Full.into();
    let leaked = v1::ApiKey {
        display_name: "leaked".to_owned(),
        grant: Some(Grant::Portal(v1::PortalGrant { portal: PORTAL.to_owned(), access })),
        ..Default::default()
    };
    let request = v1::CreateApiKeyRequest { api_key: Some(leaked) };
    let made = acme.admin(&server).create_api_key(request).await.unwrap().into_inner();
    let web = acme.web(&server);
    let acme = Acme { portal_key: made.secret, ..acme };
    let thief = acme.web(&server);
    let stolen = "the password of a thief";
    let step = thief.accept(&thief.invitation().await, stolen).await.unwrap();
    let theirs = thief.enroll(&step.token).await.session;
    let unused = thief.invitation().await;
    let request = v1::RevokeApiKeyRequest { name: made.api_key.unwrap().name };
    acme.admin(&server).revoke_api_key(request).await.unwrap();
    web.validate(&theirs).await.unwrap();

    let mut night = Night::with(&site, &server, "A portal's key was used");
    let seen = night.prints();
    for told in ["invitation.created", "password.changed", "mfa.enabled"] {
        assert!(seen.contains(told), "{told}: {seen}");
    }
    night.prints();
    night.ends();
    let started = web.start().await.unwrap().token;
    for (refusal, reason) in [
        (refused(web.validate(&theirs).await), ErrorReason::SessionInvalid),
        (refused(web.password(&started, stolen).await), ErrorReason::CredentialsRejected),
        (refused(web.accept(&unused, stolen).await), ErrorReason::InvitationInvalid),
    ] {
        assert_eq!(refusal.reason, reason.as_str_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_behind_one_address() {
    let site = Site::sqlite();
    let (server, acme) = set_up(&site).await;
    let mut admin = acme.admin(&server);
    let update = v1::UpdatePortalRequest {
        portal: Some(v1::Portal { name: PORTAL.to_owned(), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["mfa.enforced".to_owned()] }),
        ..Default::default()
    };
    admin.update_portal(update).await.unwrap();
    let web = acme.web(&server);
    for number in 0..3 {
        let email = format!("c{number}@example.com");
        let customer = Some(v1::Customer { email: email.clone(), ..Default::default() });
        let request = v1::CreateCustomerRequest {
            parent: PORTAL.to_owned(),
            customer,
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        admin.create_customer(request).await.unwrap();
        let proxy = v1::ClientContext { ip_address: "10.0.0.1".to_owned(), ..Default::default() };
        let request = v1::StartSignInRequest { email, client: Some(proxy) };
        let started = web.client().start_sign_in(request).await.unwrap().into_inner();
        web.password(&started.sign_in.unwrap().token, PASSWORD).await.unwrap();
    }
    let mut night = Night::with(&site, &server, "Everybody behind one address");
    let counted = night.prints();
    assert_eq!(counted.trim(), "3 \"ipAddress\":\"10.0.0.1\"");
    night.prints();
    night.ends();
}
