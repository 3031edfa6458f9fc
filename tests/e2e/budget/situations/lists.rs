//! Pages past the first, and everything that lists can be asked for.

use gatehouse_api::v1;

use crate::faults::case::{Case, Prepared};
use crate::faults::situation::{enrolled, signed_in};
use gatehouse_tests::{Acme, timestamp};

/// The portals that a list of customers may be of.
const EVERY_PORTAL: &str = "portals/-";

pub fn cases() -> Vec<Case> {
    [pages(), customers(), sessions(), events()].into_iter().flatten().collect()
}

fn pages() -> Vec<Case> {
    vec![
        Case::new(
            "ListPortals",
            "past a page",
            on!(acme => {
                let first = v1::ListPortalsRequest { page_size: 1, ..Default::default() };
                let answer = acme.admin.client().list_portals(first.clone()).await.unwrap();
                let page_token = answer.into_inner().next_page_token;
                Prepared::by_owner(&v1::ListPortalsRequest { page_token, ..first })
            }),
        ),
        Case::new(
            "ListApiKeys",
            "past a page",
            on!(acme => {
                let first = v1::ListApiKeysRequest { page_size: 1, ..Default::default() };
                let answer = acme.admin.client().list_api_keys(first.clone()).await.unwrap();
                let page_token = answer.into_inner().next_page_token;
                Prepared::by_owner(&v1::ListApiKeysRequest { page_token, ..first })
            }),
        ),
        Case::new(
            "ListOwnSessions",
            "past a page",
            on!(acme => {
                signed_in(acme).await;
                let session_token = signed_in(acme).await.token;
                let first =
                    v1::ListOwnSessionsRequest { session_token, page_size: 1, ..Default::default() };
                let answer = acme.web.client().list_own_sessions(first.clone()).await.unwrap();
                let page_token = answer.into_inner().next_page_token;
                Prepared::by_portal(&v1::ListOwnSessionsRequest { page_token, ..first })
            }),
        ),
    ]
}

fn customers() -> Vec<Case> {
    vec![
        Case::new(
            "ListCustomers",
            "past a page",
            on!(acme => {
                acme.with_customer(&format!("another-{}", acme.email)).await;
                past_customers(acme, v1::ListCustomersRequest {
                    parent: acme.portal.clone(),
                    ..Default::default()
                })
                .await
            }),
        ),
        Case::new(
            "ListCustomers",
            "of every portal, past a page",
            on!(acme => {
                acme.with_customer(&format!("another-{}", acme.email)).await;
                past_customers(acme, v1::ListCustomersRequest {
                    parent: EVERY_PORTAL.to_owned(),
                    ..Default::default()
                })
                .await
            }),
        ),
        Case::new(
            "ListCustomers",
            "by address",
            on!(acme => {
                let (parent, email) = (acme.portal.clone(), acme.email.clone());
                Prepared::by_owner(&v1::ListCustomersRequest { parent, email, ..Default::default() })
            }),
        ),
        Case::new(
            "ListCustomers",
            "by address, of every portal",
            on!(acme => {
                let (parent, email) = (EVERY_PORTAL.to_owned(), acme.email.clone());
                Prepared::by_owner(&v1::ListCustomersRequest { parent, email, ..Default::default() })
            }),
        ),
        Case::new(
            "ListCustomers",
            "with a factor",
            on!(acme => {
                enrolled(acme).await;
                let mut request =
                    v1::ListCustomersRequest { parent: acme.portal.clone(), ..Default::default() };
                request.set_mfa_state(v1::MfaState::Enabled);
                Prepared::by_owner(&request)
            }),
        ),
        Case::new(
            "ListCustomers",
            "suspended",
            on!(acme => {
                acme.admin.suspend(&acme.customer, true).await.unwrap();
                let (parent, suspended) = (acme.portal.clone(), Some(true));
                Prepared::by_owner(&v1::ListCustomersRequest {
                    parent,
                    suspended,
                    ..Default::default()
                })
            }),
        ),
        Case::new(
            "ListCustomers",
            "locked",
            on!(acme => {
                let (parent, locked) = (acme.portal.clone(), Some(true));
                Prepared::by_owner(&v1::ListCustomersRequest { parent, locked, ..Default::default() })
            }),
        ),
    ]
}

fn sessions() -> Vec<Case> {
    vec![
        Case::new(
            "ListSessions",
            "of a customer, past a page",
            on!(acme => {
                let parent = acme.customer.clone();
                past_sessions(acme, parent).await
            }),
        ),
        Case::new(
            "ListSessions",
            "of a portal",
            on!(acme => {
                signed_in(acme).await;
                let parent = format!("{}/customers/-", acme.portal);
                Prepared::by_owner(&v1::ListSessionsRequest { parent, ..Default::default() })
            }),
        ),
        Case::new(
            "ListSessions",
            "of a portal, past a page",
            on!(acme => {
                let parent = format!("{}/customers/-", acme.portal);
                past_sessions(acme, parent).await
            }),
        ),
    ]
}

fn events() -> Vec<Case> {
    vec![
        Case::new(
            "WatchAuditEvents",
            "from a token on",
            on!(acme => {
                acme.server.number_events().await;
                let watcher = acme.admin.watch_from_now(v1::AuditEventFilter::default()).await;
                let resume_token = watcher.token;
                Prepared::by_owner(&v1::WatchAuditEventsRequest {
                    resume_token,
                    ..Default::default()
                })
            }),
        ),
        Case::new(
            "ListAuditEvents",
            "past a page",
            on!(acme => {
                let first = v1::ListAuditEventsRequest { page_size: 1, ..Default::default() };
                let answer = acme.admin.client().list_audit_events(first.clone()).await.unwrap();
                let page_token = answer.into_inner().next_page_token;
                Prepared::by_owner(&v1::ListAuditEventsRequest { page_token, ..first })
            }),
        ),
        Case::new("ListAuditEvents", "of a portal", on!(acme => of_resource(&acme.portal))),
        Case::new("ListAuditEvents", "of a customer", on!(acme => of_resource(&acme.customer))),
        Case::new(
            "ListAuditEvents",
            "of a session",
            on!(acme => {
                let session = acme.password_session().await.session.unwrap();
                of_resource(&session.name)
            }),
        ),
        Case::new(
            "ListAuditEvents",
            "of a type",
            on!(acme => {
                let _ = acme;
                let types = vec!["sign_in.failed".to_owned()];
                filtered(v1::AuditEventFilter { types, ..Default::default() })
            }),
        ),
        Case::new(
            "ListAuditEvents",
            "of a key",
            on!(acme => {
                let request = v1::ListApiKeysRequest::default();
                let keys = acme.admin.client().list_api_keys(request).await.unwrap().into_inner();
                let api_key = keys.api_keys[0].name.clone();
                filtered(v1::AuditEventFilter { api_key, ..Default::default() })
            }),
        ),
        Case::new(
            "ListAuditEvents",
            "in a time",
            on!(acme => {
                let now = acme.server.now();
                let start_time = Some(timestamp(now - std::time::Duration::from_mins(1)));
                let end_time = Some(timestamp(now));
                Prepared::by_owner(&v1::ListAuditEventsRequest {
                    start_time,
                    end_time,
                    ..Default::default()
                })
            }),
        ),
    ]
}

/// The second page of `request`.
async fn past_customers(acme: &Acme, request: v1::ListCustomersRequest) -> Prepared {
    let first = v1::ListCustomersRequest { page_size: 1, ..request };
    let answer = acme.admin.client().list_customers(first.clone()).await.unwrap();
    let page_token = answer.into_inner().next_page_token;
    Prepared::by_owner(&v1::ListCustomersRequest { page_token, ..first })
}

/// The second page of the sessions of `parent`.
async fn past_sessions(acme: &Acme, parent: String) -> Prepared {
    signed_in(acme).await;
    signed_in(acme).await;
    let first = v1::ListSessionsRequest { parent, page_size: 1, ..Default::default() };
    let answer = acme.admin.client().list_sessions(first.clone()).await.unwrap();
    let page_token = answer.into_inner().next_page_token;
    Prepared::by_owner(&v1::ListSessionsRequest { page_token, ..first })
}

fn of_resource(resource: &str) -> Prepared {
    filtered(v1::AuditEventFilter { resource: resource.to_owned(), ..Default::default() })
}

fn filtered(filter: v1::AuditEventFilter) -> Prepared {
    let filter = Some(filter);
    Prepared::by_owner(&v1::ListAuditEventsRequest { filter, ..Default::default() })
}
