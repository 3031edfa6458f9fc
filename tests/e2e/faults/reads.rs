//! What changes nothing: it fails, or tells what is there, and never that nothing is.

use gatehouse_api::v1;

use super::case::{Case, Prepared};
use super::situation::{at_second_factor, enrolled, signed_in, started};

pub fn cases() -> Vec<Case> {
    [of_portals(), of_administrators()].into_iter().flatten().collect()
}

fn of_portals() -> Vec<Case> {
    vec![
        Case::new(
            "GetOwnPortal",
            "of any key",
            on!(acme => {
                let _ = acme;
                Prepared::by_portal(&v1::GetOwnPortalRequest {})
            }),
        ),
        Case::new(
            "GetSignIn",
            "at its start",
            on!(acme => {
                Prepared::by_portal(&v1::GetSignInRequest { sign_in_token: started(acme).await })
            }),
        ),
        Case::new(
            "GetSignIn",
            "past the password",
            on!(acme => {
                let (sign_in_token, _) = at_second_factor(acme).await;
                Prepared::by_portal(&v1::GetSignInRequest { sign_in_token })
            }),
        ),
        Case::new(
            "GetMfa",
            "with a factor",
            on!(acme => {
                let session_token = enrolled(acme).await.session.token;
                Prepared::by_portal(&v1::GetMfaRequest { session_token })
            }),
        ),
        Case::new(
            "ListOwnSessions",
            "with two",
            on!(acme => {
                signed_in(acme).await;
                let session_token = signed_in(acme).await.token;
                let request = v1::ListOwnSessionsRequest { session_token, ..Default::default() };
                Prepared::by_portal(&request)
            }),
        ),
    ]
}

fn of_administrators() -> Vec<Case> {
    vec![
        Case::new(
            "GetPortal",
            "that is there",
            on!(acme => {
                Prepared::by_owner(&v1::GetPortalRequest { name: acme.portal.clone() })
            }),
        ),
        Case::new(
            "ListPortals",
            "of all",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&v1::ListPortalsRequest::default())
            }),
        ),
        Case::new(
            "GetCustomer",
            "with a factor",
            on!(acme => {
                enrolled(acme).await;
                Prepared::by_owner(&v1::GetCustomerRequest { name: acme.customer.clone() })
            }),
        ),
        Case::new(
            "ListCustomers",
            "of a portal",
            on!(acme => {
                let parent = acme.portal.clone();
                Prepared::by_owner(&v1::ListCustomersRequest { parent, ..Default::default() })
            }),
        ),
        Case::new(
            "ListSessions",
            "of a customer",
            on!(acme => {
                signed_in(acme).await;
                let parent = acme.customer.clone();
                Prepared::by_owner(&v1::ListSessionsRequest { parent, ..Default::default() })
            }),
        ),
        Case::new(
            "ListAuditEvents",
            "of all",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&v1::ListAuditEventsRequest::default())
            }),
        ),
        Case::new(
            "WatchAuditEvents",
            "from now on",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&v1::WatchAuditEventsRequest::default())
            }),
        ),
        Case::new(
            "ListApiKeys",
            "of all",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&v1::ListApiKeysRequest::default())
            }),
        ),
    ]
}
