//! Invitations, as administrators make them.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::ResourceNotFound;

use crate::support::{Acme, EMAIL, PORTAL, Refusal, TestServer, refused, time};

on_each_database! {
    an_invitation_is_a_token_for_a_day_and_where_to_send_it,
    earlier_invitations_live_on,
    whom_nobody_can_invite_is_named,
    an_invitation_tells_the_trail_who_asked,
}

const DAY: Duration = Duration::from_hours(24);

async fn an_invitation_is_a_token_for_a_day_and_where_to_send_it(server: TestServer) {
    let acme = Acme::new(server).await;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    let token = invitation.token;
    assert!(token.starts_with("ghv_") && token.len() == "ghv_".len() + 43, "{token}");
    assert_eq!(invitation.email, EMAIL);
    assert_eq!(time(invitation.expire_time), acme.server.now() + DAY);

    acme.server.pass_almost(DAY);
    assert!(acme.server.has_invitation(PORTAL, &token).await);
    acme.server.pass_the_rest();
    assert!(!acme.server.has_invitation(PORTAL, &token).await);
}

async fn earlier_invitations_live_on(server: TestServer) {
    let acme = Acme::new(server).await;
    let first = acme.admin.invite(&acme.customer).await.unwrap().token;
    let second = acme.admin.invite(&acme.customer).await.unwrap().token;
    assert_ne!(first, second);
    for token in [first, second] {
        assert!(acme.server.has_invitation(PORTAL, &token).await);
    }
}

async fn whom_nobody_can_invite_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    for name in [&format!("{PORTAL}/customers/nobody"), "portals/nowhere/customers/c1"] {
        let missing = Refusal::of(ResourceNotFound).resource("Customer", name);
        assert_eq!(refused(acme.admin.invite(name).await), missing);
    }
    for name in ["", PORTAL, "portals/acme/customers/-"] {
        assert_eq!(refused(acme.admin.invite(name).await), Refusal::invalid(&["customer"]));
    }
}

async fn an_invitation_tells_the_trail_who_asked(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.invite(&acme.customer).await.unwrap();
    acme.server.assert_recorded("invitation.created", r#"{"requested_by":"administrator"}"#);
}
