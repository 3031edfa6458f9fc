//! Who may call what: every method of the contract, enumerated from its descriptor.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{ApiKeyInvalid, ApiKeyScope, ResourceNotFound};
use gatehouse_api::v1::api_key::Grant;
use gatehouse_api::v1::{AdminRole, PortalAccess};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Code;

use gatehouse_tests::{
    Acme, Admin, Answer, EMAIL, EMPTY, PORTAL, Raw, Refusal, TestServer, frame, refused, timestamp,
};

gatehouse_tests::on_each_database! {
    every_method_refuses_what_is_no_live_key,
    every_method_refuses_keys_of_the_other_kind,
    every_method_asks_for_its_least_role,
    validate_keys_validate_sessions_and_nothing_else,
    only_authorized_callers_learn_what_is_not_there,
    an_unauthorized_caller_learns_nothing_of_its_body,
    a_scoped_key_stays_in_its_portals_there_or_not,
    a_scoped_key_lists_its_own_portals,
    no_key_makes_or_ends_a_wider_one,
    revoking_a_key_ends_it_at_once_and_again_changes_nothing,
    the_last_owner_key_may_go,
}

/// A method: its name, its path, and the least that its key has to be.
struct Method {
    name: String,
    path: String,
    least: Least,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Least {
    Admin(AdminRole),
    Portal(PortalAccess),
}

/// Every method of the contract. Its tables of roles and accesses, by hand.
fn methods() -> Vec<Method> {
    let set = FileDescriptorSet::decode(gatehouse_api::FILE_DESCRIPTOR_SET).unwrap();
    let services = set.file.iter().flat_map(|file| &file.service);
    let methods = services.flat_map(|service| {
        service.method.iter().map(|method| Method {
            name: method.name().to_owned(),
            path: format!("/gatehouse.v1.{}/{}", service.name(), method.name()),
            least: least(service.name(), method.name()),
        })
    });
    let methods: Vec<_> = methods.collect();
    assert_eq!(methods.len(), 41);
    methods
}

fn least(service: &str, method: &str) -> Least {
    match (service, method) {
        ("PortalAuthService", "ValidateSession") => Least::Portal(PortalAccess::Validate),
        ("PortalAuthService", _) => Least::Portal(PortalAccess::Full),
        (_, "CreateApiKey" | "ListApiKeys" | "RevokeApiKey") => Least::Admin(AdminRole::Owner),
        (_, "CreatePortal" | "UpdatePortal" | "DeletePortal" | "ImportCustomers") => {
            Least::Admin(AdminRole::Admin)
        }
        (_, method) if ["Get", "List", "Watch"].iter().any(|verb| method.starts_with(verb)) => {
            Least::Admin(AdminRole::Viewer)
        }
        _ => Least::Admin(AdminRole::Support),
    }
}

const ROLES: [AdminRole; 4] =
    [AdminRole::Viewer, AdminRole::Support, AdminRole::Admin, AdminRole::Owner];

/// Keys of every kind for `acme`.
struct Keys {
    /// In the order of the roles.
    roles: Vec<String>,
    full: String,
    validate: String,
}

impl Keys {
    async fn new(acme: &Acme) -> Self {
        let mut roles = Vec::new();
        for role in ROLES {
            roles.push(acme.admin.admin_key(role, &["portals/-"]).await.unwrap());
        }
        let validate = acme.admin.portal_key(PORTAL, PortalAccess::Validate).await.unwrap();
        Self { roles, full: acme.key.clone(), validate }
    }

    /// The strongest key of the kind that a method asks for.
    fn strongest(&self, least: Least) -> &str {
        match least {
            Least::Admin(_) => &self.roles[3],
            Least::Portal(_) => &self.full,
        }
    }
}

/// A call that a key has let through succeeds, or says something about the message.
fn assert_let_through<T>(answer: Answer<T>, what: &str) {
    let Err(status) = answer else { return };
    let refusal = Refusal::read(&status);
    assert!(!refusal.is(ApiKeyInvalid) && !refusal.is(ApiKeyScope), "{what}: {refusal:?}");
}

/// Every method of the descriptor, so that none can be forgotten: no key, two keys, another
/// scheme, revoked, expired, cut off, another case.
async fn every_method_refuses_what_is_no_live_key(server: TestServer) {
    let acme = Acme::new(server).await;
    let mut dead = Vec::new();
    for (grant, kind) in
        [(admin_grant(AdminRole::Owner, &["portals/-"]), "gha_"), (portal_grant(PORTAL), "ghp_")]
    {
        let expires = timestamp(acme.server.now() + Duration::from_hours(1));
        let expiring = v1::ApiKey {
            grant: Some(grant.clone()),
            expire_time: Some(expires),
            ..Default::default()
        };
        dead.push(acme.admin.create_key(expiring).await.unwrap().1);
        let revoked = v1::ApiKey { grant: Some(grant), ..Default::default() };
        let (name, secret) = acme.admin.create_key(revoked).await.unwrap();
        assert!(secret.starts_with(kind) && secret.len() == kind.len() + 43);
        acme.admin.revoke_key(&name).await.unwrap();
        dead.push(secret.clone());
        dead.push(secret[..secret.len() - 1].to_owned());
        dead.push(format!("{secret}A"));
        dead.push(format!("{kind}{}", "A".repeat(43)));
    }
    acme.server.pass(Duration::from_hours(1));

    let keys = Keys::new(&acme).await;
    for method in methods() {
        let key = keys.strongest(method.least);
        let bearer = format!("Bearer {key}");
        let authorization = |value: &str| acme.server.raw().header("authorization", value);
        let mut callers = vec![
            acme.server.raw(),
            authorization(""),
            authorization("Bearer"),
            authorization("Bearer garbage"),
            authorization(key),
            authorization(&format!("Basic {key}")),
            authorization(&format!("Bearer {}", key.to_uppercase())),
            authorization(&bearer).key(key),
            authorization("Bearer garbage").key(key),
        ];
        callers.extend(dead.iter().map(|key| acme.server.raw().key(key)));
        for (n, caller) in callers.into_iter().enumerate() {
            let refusal = refused(caller.call(&method.path, EMPTY).await);
            assert_eq!(refusal, Refusal::of(ApiKeyInvalid), "{} by caller {n}", method.path);
        }
        assert_let_through(authorization(&bearer).call(&method.path, EMPTY).await, &method.path);
    }
}

async fn every_method_refuses_keys_of_the_other_kind(server: TestServer) {
    let acme = Acme::new(server).await;
    let keys = Keys::new(&acme).await;
    for method in methods() {
        let others = match method.least {
            Least::Admin(_) => vec![&keys.full, &keys.validate],
            Least::Portal(_) => keys.roles.iter().collect(),
        };
        for key in others {
            let answer = acme.server.raw().key(key).call(&method.path, EMPTY).await;
            assert_eq!(refused(answer), Refusal::of(ApiKeyScope), "{}", method.path);
        }
    }
}

async fn every_method_asks_for_its_least_role(server: TestServer) {
    let acme = Acme::new(server).await;
    let keys = Keys::new(&acme).await;
    for method in methods() {
        let Least::Admin(least) = method.least else { continue };
        for (role, key) in ROLES.into_iter().zip(&keys.roles) {
            let answer = acme.server.raw().key(key).call(&method.path, EMPTY).await;
            if role < least {
                assert_eq!(refused(answer), Refusal::of(ApiKeyScope), "{}", method.path);
            } else {
                assert_let_through(answer, &method.path);
            }
        }
    }
}

async fn validate_keys_validate_sessions_and_nothing_else(server: TestServer) {
    let acme = Acme::new(server).await;
    let keys = Keys::new(&acme).await;
    for method in methods() {
        let Least::Portal(least) = method.least else { continue };
        let answer = acme.server.raw().key(&keys.validate).call(&method.path, EMPTY).await;
        if least == PortalAccess::Validate {
            assert_let_through(answer, &method.path);
        } else {
            assert_eq!(refused(answer), Refusal::of(ApiKeyScope), "{}", method.path);
        }
    }
    let issued = acme.password_session().await;
    acme.server.web_with(&keys.validate).validate(&issued.token).await.unwrap();
}

/// What asks for nothing.
const WITHOUT_FIELDS: [&str; 5] =
    ["GetOwnPortal", "ListApiKeys", "ListAuditEvents", "ListPortals", "WatchAuditEvents"];

async fn only_authorized_callers_learn_what_is_not_there(server: TestServer) {
    let acme = Acme::new(server).await;
    let keys = Keys::new(&acme).await;
    for method in methods() {
        let caller = acme.server.raw().key(keys.strongest(method.least));
        let answer = caller.call(&method.path, EMPTY).await;
        if WITHOUT_FIELDS.contains(&method.name.as_str()) {
            answer.unwrap();
        } else {
            assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument, "{}", method.path);
        }
    }
    for service in ["AdminService", "PortalAuthService"] {
        let unknown = format!("/gatehouse.v1.{service}/DropDatabase");
        let answer = acme.server.raw().call(&unknown, EMPTY).await;
        assert_eq!(refused(answer), Refusal::of(ApiKeyInvalid));
        let answer = acme.server.raw().key(&keys.full).call(&unknown, EMPTY).await;
        assert_eq!(refused(answer), Refusal::unimplemented());
    }
}

/// Key, scope, limits, fields, act: in this order, so that parsers are not reached from outside.
async fn an_unauthorized_caller_learns_nothing_of_its_body(server: TestServer) {
    let acme = Acme::new(server).await;
    let keys = Keys::new(&acme).await;
    let broken = frame("\x07");
    for method in methods() {
        let most_kib = if method.name == "ImportCustomers" { 4 * 1024 } else { 64 };
        let oversized = frame(&"x".repeat((most_kib + 1) * 1024));
        let key = keys.strongest(method.least);
        let wrong = if key == keys.full { &keys.roles[3] } else { &keys.full };
        for body in [&broken, &oversized] {
            let call = async |raw: Raw| refused(raw.call(&method.path, body).await);
            assert_eq!(call(acme.server.raw()).await, Refusal::of(ApiKeyInvalid));
            assert_eq!(call(acme.server.raw().key(wrong)).await, Refusal::of(ApiKeyScope));
            let message = format!("{}Request", method.name);
            let refusal = call(acme.server.raw().key(key)).await;
            assert_eq!(refusal, Refusal::invalid(&[&message]), "{}", method.path);
        }
    }
}

fn admin_grant(role: AdminRole, portals: &[&str]) -> Grant {
    let portals = portals.iter().map(|&portal| portal.to_owned()).collect();
    Grant::Admin(v1::AdminGrant { role: role.into(), portals })
}

fn portal_grant(portal: &str) -> Grant {
    let access = PortalAccess::Full.into();
    Grant::Portal(v1::PortalGrant { portal: portal.to_owned(), access })
}

/// An owner of `acme` alone, beside whom there is a portal `beta`.
async fn owner_of_acme(acme: &Acme) -> Admin {
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    let key = acme.admin.admin_key(AdminRole::Owner, &[PORTAL]).await.unwrap();
    acme.server.admin_with(&key)
}

/// CWE-639. And what a key may not see it cannot find out the existence of.
async fn a_scoped_key_stays_in_its_portals_there_or_not(server: TestServer) {
    let acme = Acme::new(server).await;
    let scoped = owner_of_acme(&acme).await;
    let outside = Refusal::of(ApiKeyScope);
    for portal in ["portals/beta", "portals/nowhere"] {
        let customer = format!("{portal}/customers/c1");
        let change = v1::Portal { name: portal.to_owned(), ..Default::default() };
        let list = v1::ListCustomersRequest {
            parent: portal.to_owned(),
            page_size: -1,
            ..Default::default()
        };
        assert_eq!(refused(scoped.portal(portal).await), outside);
        // Scope comes before fields: the mask, the email and the page size are bad.
        assert_eq!(refused(scoped.update_portal(change.clone(), &["x"]).await), outside);
        assert_eq!(refused(scoped.preview(change, &[]).await), outside);
        assert_eq!(refused(scoped.create_customer(portal, "", "").await), outside);
        assert_eq!(refused(scoped.customer(&customer).await), outside);
        assert_eq!(refused(scoped.reset_mfa(&customer).await), outside);
        assert_eq!(refused(scoped.client().list_customers(list).await), outside);
        assert_eq!(refused(scoped.delete_portal(portal, "", true).await), outside);
        let change = v1::Customer { name: customer.clone(), ..Default::default() };
        assert_eq!(refused(scoped.update_customer(change, &["x"]).await), outside);
        assert_eq!(refused(scoped.delete_customer(&customer, "x").await), outside);
        assert_eq!(refused(scoped.invite(&customer).await), outside);
        assert_eq!(refused(scoped.unlock(&customer).await), outside);
        let session = format!("{customer}/sessions/00000000-0000-7000-8000-000000000000");
        for name in [portal, &customer, &session] {
            assert_eq!(refused(scoped.revoke_sessions(name).await), outside);
        }
        for parent in [customer, format!("{portal}/customers/-")] {
            let list = v1::ListSessionsRequest { parent, page_size: -1, ..Default::default() };
            assert_eq!(refused(scoped.client().list_sessions(list).await), outside);
        }
    }
    for id in ["acme", "gamma", "BAD"] {
        let portal = v1::Portal::default();
        assert_eq!(refused(scoped.create_portal(id, portal).await), outside);
    }
    scoped.portal(PORTAL).await.unwrap();
    scoped.customer(&acme.customer).await.unwrap();
}

async fn a_scoped_key_lists_its_own_portals(server: TestServer) {
    let acme = Acme::new(server).await;
    let scoped = owner_of_acme(&acme).await;
    acme.admin.create_customer("portals/beta", EMAIL, "").await.unwrap();
    let list = v1::ListCustomersRequest { parent: "portals/-".to_owned(), ..Default::default() };
    let seen = scoped.client().list_customers(list.clone()).await.unwrap().into_inner();
    assert_eq!((seen.customers.len(), &seen.customers[0].name), (1, &acme.customer));
    let all = acme.admin.client().list_customers(list).await.unwrap().into_inner();
    assert_eq!(all.customers.len(), 2);
}

/// CWE-269.
async fn no_key_makes_or_ends_a_wider_one(server: TestServer) {
    let acme = Acme::new(server).await;
    let scoped = owner_of_acme(&acme).await;
    let key = |grant: Grant| v1::ApiKey { grant: Some(grant), ..Default::default() };
    let wider = [
        admin_grant(AdminRole::Viewer, &["portals/-"]),
        admin_grant(AdminRole::Viewer, &["portals/beta"]),
        admin_grant(AdminRole::Viewer, &[PORTAL, "portals/beta"]),
        admin_grant(AdminRole::Viewer, &["portals/nowhere"]),
        portal_grant("portals/beta"),
        portal_grant("portals/nowhere"),
    ];
    for grant in wider {
        let refusal = refused(scoped.create_key(key(grant.clone())).await);
        assert_eq!(refusal, Refusal::of(ApiKeyScope));
        // Scope comes before fields.
        let bad = v1::ApiKey { display_name: " ".to_owned(), ..key(grant) };
        assert_eq!(refused(scoped.create_key(bad).await), Refusal::of(ApiKeyScope));
    }
    for grant in [admin_grant(AdminRole::Owner, &[PORTAL]), portal_grant(PORTAL)] {
        let (name, secret) = scoped.create_key(key(grant)).await.unwrap();
        assert!(!secret.is_empty());
        scoped.revoke_key(&name).await.unwrap();
    }
    let outside = acme.admin.create_key(key(portal_grant("portals/beta"))).await.unwrap();
    let unknown = |name: &str| Refusal::of(ResourceNotFound).resource("ApiKey", name);
    let missing = "apiKeys/00000000-0000-7000-8000-000000000000";
    for name in [outside.0.as_str(), missing] {
        assert_eq!(refused(scoped.revoke_key(name).await), unknown(name));
    }
    acme.server.web_with(&outside.1).start(EMAIL).await.unwrap();
}

async fn revoking_a_key_ends_it_at_once_and_again_changes_nothing(server: TestServer) {
    let acme = Acme::new(server).await;
    let key = v1::ApiKey { grant: Some(portal_grant(PORTAL)), ..Default::default() };
    let (name, secret) = acme.admin.create_key(key).await.unwrap();
    let web = acme.server.web_with(&secret);
    web.start(EMAIL).await.unwrap();
    let revoked = acme.admin.revoke_key(&name).await.unwrap();
    assert_eq!(revoked.revoke_time, Some(timestamp(acme.server.now())));
    assert_eq!(refused(web.start(EMAIL).await), Refusal::of(ApiKeyInvalid));

    acme.server.pass(Duration::from_secs(1));
    let again = acme.admin.revoke_key(&name).await.unwrap();
    assert_eq!(again.revoke_time, revoked.revoke_time);
}

/// The command line makes another:
/// `process::first_start::an_owner_key_works_at_once_on_the_server_that_it_was_made_beside`.
async fn the_last_owner_key_may_go(server: TestServer) {
    let acme = Acme::new(server).await;
    let request = v1::ListApiKeysRequest::default();
    let listed = acme.admin.client().list_api_keys(request.clone()).await.unwrap().into_inner();
    let owners = listed.api_keys.into_iter().filter(
        |key| matches!(&key.grant, Some(Grant::Admin(grant)) if grant.role() == AdminRole::Owner),
    );
    for owner in owners {
        acme.admin.revoke_key(&owner.name).await.unwrap();
    }
    let refusal = refused(acme.admin.client().list_api_keys(request).await);
    assert_eq!(refusal, Refusal::of(ApiKeyInvalid));
    // Portals go on as they were.
    acme.password_session().await;
}
