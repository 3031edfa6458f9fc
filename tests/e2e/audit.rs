//! The audit trail: what leaves an event, and what it tells.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole::{Admin, Viewer};
use gatehouse_api::v1::ErrorReason::{
    ApiKeyInvalid, ApiKeyScope, CredentialsRejected, EtagMismatch, MfaEnforcementSamlConflict,
    PasswordPolicy, ResourceExists, ResourceNotFound, Unspecified,
};
use gatehouse_api::v1::api_key::Grant;
use tonic::Request;

use gatehouse_tests::{
    Acme, EMAIL, EMPTY, PASSWORD, PORTAL, Refusal, TestServer, client, refused, saml, timestamp,
};

gatehouse_tests::on_each_database! {
    every_change_leaves_one_event_that_tells_who_and_from_where,
    every_change_that_is_refused_leaves_one_event,
    a_call_beyond_its_key_leaves_one_event,
    what_is_no_change_leaves_no_event,
    callers_without_a_live_key_are_counted_and_leave_no_event,
    sign_ins_tell_of_the_customers_device,
    a_sign_out_is_told_of_the_sessions_that_it_ends,
}

/// All events with this request id, the newest first.
async fn of_request(acme: &Acme, id: &str) -> Vec<v1::AuditEvent> {
    let all = all(acme).await;
    all.into_iter().filter(|event| event.request_id == id).collect()
}

async fn all(acme: &Acme) -> Vec<v1::AuditEvent> {
    let request = v1::ListAuditEventsRequest { page_size: 1_000, ..Default::default() };
    acme.admin.client().list_audit_events(request).await.unwrap().into_inner().audit_events
}

async fn names(acme: &Acme) -> Vec<String> {
    all(acme).await.into_iter().map(|event| event.name).collect()
}

/// A call of an administrator's tool, on behalf of otto.
fn otto<T>(id: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-gatehouse-actor", "otto@example.com".parse().unwrap());
    request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    request
}

/// All of an event, for people: messages have no Debug.
fn shown(event: &v1::AuditEvent) -> String {
    let v1::AuditEvent { name, event_time, r#type, resource, api_key, claimed_actor, .. } = event;
    let attributes: BTreeMap<_, _> = event.attributes.iter().collect();
    let client = event.client.as_ref().map(|client| (&client.ip_address, &client.user_agent));
    format!(
        "{name} {event_time:?} {type} {resource} by {api_key} {:?} of {claimed_actor:?} from {:?} \
         in {:?} for {client:?}: {:?} {attributes:?}",
        event.api_key_display_name,
        event.caller_address,
        event.request_id,
        event.reason().as_str_name(),
    )
}

/// What a key called `key` did for otto now.
fn event(acme: &Acme, kind: &str, resource: &str, key: (&str, &str)) -> v1::AuditEvent {
    v1::AuditEvent {
        event_time: Some(timestamp(acme.server.now())),
        r#type: kind.to_owned(),
        resource: resource.to_owned(),
        api_key: key.0.to_owned(),
        api_key_display_name: key.1.to_owned(),
        claimed_actor: "otto@example.com".to_owned(),
        ..Default::default()
    }
}

fn with(event: v1::AuditEvent, attributes: &[(&str, &str)]) -> v1::AuditEvent {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    v1::AuditEvent { attributes: attributes.iter().map(own).collect(), ..event }
}

/// Holds the only event of the request `id` to `expected`, and its name and
/// caller's address to their form.
async fn assert_one(acme: &Acme, id: &str, expected: v1::AuditEvent) {
    let mut found = of_request(acme, id).await;
    assert_eq!(found.len(), 1, "{id}: {:?}", found.iter().map(shown).collect::<Vec<_>>());
    let found = found.remove(0);
    assert!(found.name.starts_with("auditEvents/"), "{}", shown(&found));
    assert!(found.caller_address.starts_with("127.0.0.1:"), "{}", shown(&found));
    let expected = v1::AuditEvent {
        name: found.name.clone(),
        caller_address: found.caller_address.clone(),
        request_id: id.to_owned(),
        ..expected
    };
    assert_eq!(shown(&found), shown(&expected));
}

/// The name and display name of the owner's key.
async fn owner(acme: &Acme) -> (String, String) {
    // Made by the command line, which has no key.
    let events = all(acme).await;
    let made = events.iter().find(|event| event.api_key.is_empty()).unwrap();
    assert_eq!(made.r#type, "api_key.created");
    (made.attributes["key"].clone(), "owner".to_owned())
}

async fn every_change_leaves_one_event_that_tells_who_and_from_where(server: TestServer) {
    let acme = Acme::new(server).await;
    let (key, key_name) = owner(&acme).await;
    let by_owner = |kind, resource| event(&acme, kind, resource, (&key, &key_name));
    let mut admin = acme.admin.client();

    let portal = Some(v1::Portal::default());
    let request = v1::CreatePortalRequest { portal_id: "beta".to_owned(), portal };
    admin.create_portal(otto("create-portal", request)).await.unwrap();
    assert_one(
        &acme,
        "create-portal",
        with(by_owner("portal.created", "portals/beta"), &[("mfa_enforced", "false")]),
    )
    .await;

    let request = v1::UpdatePortalRequest {
        portal: Some(v1::Portal { name: PORTAL.to_owned(), ..Default::default() }),
        update_mask: Some(mask(&["mfa.enforced", "display_name"])),
        ..Default::default()
    };
    admin.update_portal(otto("update-portal", request)).await.unwrap();
    let updated = [
        ("paths", "mfa.enforced,display_name"),
        ("mfa_enforced", "false"),
        ("sessions_ended", "0"),
    ];
    let updated = with(by_owner("portal.updated", PORTAL), &updated);
    assert_one(&acme, "update-portal", updated).await;

    let request = new_customer("ben@example.com", PASSWORD);
    let made = admin.create_customer(otto("create-customer", request)).await.unwrap();
    let made = made.into_inner().customer.unwrap().name;
    assert_one(&acme, "create-customer", by_owner("customer.created", &made)).await;

    let reason = "lost \"phone\" — Zoë".to_owned();
    let request = v1::ResetCustomerMfaRequest {
        name: acme.customer.clone(),
        reason: reason.clone(),
        end_password: true,
    };
    acme.password_session().await;
    admin.reset_customer_mfa(otto("reset", request)).await.unwrap();
    let reset = [("reason", reason.as_str()), ("end_password", "true"), ("sessions_ended", "1")];
    assert_one(&acme, "reset", with(by_owner("mfa.reset", &acme.customer), &reset)).await;

    let grant = v1::PortalGrant { portal: PORTAL.to_owned(), access: 1 };
    let made = v1::ApiKey { grant: Some(Grant::Portal(grant)), ..Default::default() };
    let request = v1::CreateApiKeyRequest { api_key: Some(made) };
    let made = admin.create_api_key(otto("create-key", request)).await.unwrap().into_inner();
    let made = made.api_key.unwrap().name;
    let created = with(
        by_owner("api_key.created", PORTAL),
        &[("key", &made), ("access", "validate"), ("portals", PORTAL)],
    );
    assert_one(&acme, "create-key", created).await;

    for again in ["", "-again"] {
        let request = v1::RevokeApiKeyRequest { name: made.clone() };
        let id = format!("revoke-key{again}");
        admin.revoke_api_key(otto(&id, request)).await.unwrap();
    }
    let revoked = with(by_owner("api_key.revoked", PORTAL), &[("key", &made)]);
    assert_one(&acme, "revoke-key", revoked).await;
    assert!(of_request(&acme, "revoke-key-again").await.is_empty(), "it changed nothing");
}

fn mask(paths: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }
}

fn new_customer(email: &str, password: &str) -> v1::CreateCustomerRequest {
    v1::CreateCustomerRequest {
        parent: PORTAL.to_owned(),
        customer: Some(v1::Customer { email: email.to_owned(), ..Default::default() }),
        password: password.to_owned(),
        ..Default::default()
    }
}

async fn every_change_that_is_refused_leaves_one_event(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let (key, key_name) = owner(&acme).await;
    let refusal = |method, resource, reason: v1::ErrorReason| {
        let event = event(&acme, "call.refused", resource, (&key, &key_name));
        with(v1::AuditEvent { reason: reason.into(), ..event }, &[("method", method)])
    };
    let mut admin = acme.admin.client();

    let portal = Some(v1::Portal::default());
    let request = v1::CreatePortalRequest { portal_id: "acme".to_owned(), portal };
    refused(admin.create_portal(otto("exists", request)).await);
    assert_one(&acme, "exists", refusal("CreatePortal", "", ResourceExists)).await;

    let update = |portal: v1::Portal, path| v1::UpdatePortalRequest {
        portal: Some(v1::Portal { name: PORTAL.to_owned(), ..portal }),
        update_mask: Some(mask(&[path])),
        ..Default::default()
    };
    let both = update(v1::Portal { saml: Some(saml()), ..Default::default() }, "saml");
    refused(admin.update_portal(otto("saml", both)).await);
    let conflict = refusal("UpdatePortal", PORTAL, MfaEnforcementSamlConflict);
    assert_one(&acme, "saml", conflict).await;

    let stale = update(v1::Portal { etag: "x".to_owned(), ..Default::default() }, "display_name");
    refused(admin.update_portal(otto("etag", stale)).await);
    assert_one(&acme, "etag", refusal("UpdatePortal", PORTAL, EtagMismatch)).await;

    let request = new_customer("ben@example.com", "short");
    refused(admin.create_customer(otto("policy", request)).await);
    assert_one(&acme, "policy", refusal("CreateCustomer", PORTAL, PasswordPolicy)).await;

    let request = v1::ResetCustomerMfaRequest {
        name: format!("{PORTAL}/customers/nobody"),
        ..Default::default()
    };
    refused(admin.reset_customer_mfa(otto("missing", request)).await);
    assert_one(&acme, "missing", refusal("ResetCustomerMfa", PORTAL, ResourceNotFound)).await;
}

async fn a_call_beyond_its_key_leaves_one_event(server: TestServer) {
    let acme = Acme::new(server).await;
    let refusals = |method: &'static str, resource: &'static str, key: (String, String)| {
        let event = event(&acme, "call.refused", resource, (&key.0, &key.1));
        with(v1::AuditEvent { reason: ApiKeyScope.into(), ..event }, &[("method", method)])
    };
    let named = async |name: &str, grant: Grant| {
        let display_name = name.to_owned();
        let key = v1::ApiKey { display_name, grant: Some(grant), ..Default::default() };
        let (key, secret) = acme.admin.create_key(key).await.unwrap();
        ((key, name.to_owned()), secret)
    };
    let admin = |role: v1::AdminRole, portals: &[&str]| {
        let portals = portals.iter().map(|&portal| portal.to_owned()).collect();
        Grant::Admin(v1::AdminGrant { role: role.into(), portals })
    };

    // The role, of a key for all portals and of a key for one.
    for (id, portals, resource) in [("role", "portals/-", ""), ("role-in-acme", PORTAL, PORTAL)] {
        let (key, secret) = named("viewer", admin(Viewer, &[portals])).await;
        let mut client = acme.server.admin_with(&secret).client();
        let request = new_customer("ben@example.com", "");
        refused(client.create_customer(otto(id, request)).await);
        assert_one(&acme, id, refusals("CreateCustomer", resource, key)).await;
    }

    // The portal: the events of another portal tell nothing of it. Reads as well.
    let (key, secret) = named("of acme", admin(Admin, &[PORTAL])).await;
    let mut client = acme.server.admin_with(&secret).client();
    let request = v1::GetPortalRequest { name: "portals/beta".to_owned() };
    refused(client.get_portal(otto("portal", request)).await);
    assert_one(&acme, "portal", refusals("GetPortal", PORTAL, key)).await;

    // The kind, of which the body is not looked at.
    let grant = v1::PortalGrant { portal: PORTAL.to_owned(), access: 1 };
    let (key, secret) = named("acme web", Grant::Portal(grant)).await;
    for (id, path) in [
        ("kind", "gatehouse.v1.AdminService/GetPortal"),
        ("access", "gatehouse.v1.PortalAuthService/GetMfa"),
    ] {
        let raw = acme.server.raw().key(&secret).header("x-request-id", id);
        let raw = raw.header("x-gatehouse-actor", "otto@example.com");
        let answer = raw.call(&format!("/{path}"), EMPTY).await;
        assert_eq!(refused(answer), Refusal::of(ApiKeyScope));
        let method = path.rsplit('/').next().unwrap();
        // Only an administrator's tool acts for people that no field names.
        let refusal = refusals(method, PORTAL, key.clone());
        assert_one(&acme, id, v1::AuditEvent { claimed_actor: String::new(), ..refusal }).await;
    }
}

async fn what_is_no_change_leaves_no_event(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let before = names(&acme).await;
    let mut admin = acme.admin.client();

    let unknown = || format!("{PORTAL}/customers/nobody");
    let read = v1::GetCustomerRequest { name: unknown() };
    refused(admin.get_customer(read).await);
    admin.get_customer(v1::GetCustomerRequest { name: acme.customer.clone() }).await.unwrap();
    let preview = |portal: v1::Portal, path| v1::UpdatePortalRequest {
        portal: Some(v1::Portal { name: PORTAL.to_owned(), ..portal }),
        update_mask: Some(mask(&[path])),
        validate_only: true,
        ..Default::default()
    };
    let saml = v1::Portal { saml: Some(saml()), ..Default::default() };
    refused(admin.update_portal(preview(saml, "saml")).await);
    admin.update_portal(preview(v1::Portal::default(), "mfa.enforced")).await.unwrap();
    // What is wrong with the form of a request says nothing of a change.
    refused(admin.update_portal(preview(v1::Portal::default(), "name")).await);
    refused(admin.create_customer(new_customer("x", "")).await);
    for method in ["DropDatabase", "ListPortals"] {
        let raw = acme.server.raw().key(acme.server.owner_key());
        let _ = raw.call(&format!("/gatehouse.v1.AdminService/{method}"), EMPTY).await;
    }
    assert_eq!(names(&acme).await, before);
}

async fn callers_without_a_live_key_are_counted_and_leave_no_event(server: TestServer) {
    let acme = Acme::new(server).await;
    let (name, revoked) = {
        let grant = v1::PortalGrant { portal: PORTAL.to_owned(), access: 1 };
        let key = v1::ApiKey { grant: Some(Grant::Portal(grant)), ..Default::default() };
        acme.admin.create_key(key).await.unwrap()
    };
    acme.admin.revoke_key(&name).await.unwrap();
    let before = names(&acme).await;
    let counted = acme.server.calls_without_key();
    let unknown = format!("gha_{}", "A".repeat(43));
    let callers = [
        acme.server.raw(),
        acme.server.raw().key("garbage"),
        acme.server.raw().key(&unknown),
        acme.server.raw().key(&revoked),
    ];
    for caller in callers {
        let answer = caller.call("/gatehouse.v1.AdminService/CreatePortal", EMPTY).await;
        assert_eq!(refused(answer), Refusal::of(ApiKeyInvalid));
    }
    assert_eq!(acme.server.calls_without_key() - counted, 4);
    assert_eq!(names(&acme).await, before);
}

/// The newest event, where time has passed since the last one.
async fn newest(acme: &Acme) -> v1::AuditEvent {
    all(acme).await.remove(0)
}

async fn sign_ins_tell_of_the_customers_device(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.server.pass(Duration::from_secs(1));
    let session = acme.password_session().await.session.unwrap();
    let succeeded = newest(&acme).await;
    assert_eq!(succeeded.r#type, "sign_in.succeeded");
    assert_eq!(succeeded.resource, session.name);
    assert!(succeeded.reason() == Unspecified);
    assert!(succeeded.client == Some(client()));
    assert_eq!(succeeded.claimed_actor, "");

    acme.server.pass(Duration::from_secs(1));
    let started = acme.web.start(EMAIL).await.unwrap();
    refused(acme.web.password(&started.token, "wrong horse battery").await);
    let failed = newest(&acme).await;
    assert_eq!((failed.r#type.as_str(), &failed.resource), ("sign_in.failed", &acme.customer));
    assert!(failed.client == Some(client()));
    assert!(failed.reason() == CredentialsRejected);
    assert_eq!(
        failed.attributes,
        HashMap::from(
            [("step", "password"), ("proof", "password")]
                .map(|(key, value)| (key.into(), value.into()))
        )
    );
}

async fn a_sign_out_is_told_of_the_sessions_that_it_ends(server: TestServer) {
    let acme = Acme::new(server).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(acme.password_session().await);
    }
    let name = |n: usize| sessions[n].session.as_ref().unwrap().name.clone();
    let asking = &sessions[0].token;
    let told = async || {
        let all = all(&acme).await.into_iter();
        let all = all.filter(|event| event.r#type == "session.signed_out");
        all.map(|event| event.resource).collect::<std::collections::BTreeSet<_>>()
    };
    for _ in 0..2 {
        acme.web.sign_out_named(asking, &name(1)).await.unwrap();
        assert_eq!(told().await, [name(1)].into(), "ending it again is no change");
    }
    acme.web.sign_out_others(asking).await.unwrap();
    assert_eq!(told().await, [name(1), acme.customer.clone()].into());
    acme.web.sign_out(asking).await.unwrap();
    assert_eq!(told().await, [name(1), acme.customer.clone(), name(0)].into());
}
