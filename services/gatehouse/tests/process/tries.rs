//! Refused proofs and calls that were counted: an end in order writes them, and kill -9 loses what had not
//! been written.

use gatehouse_api::v1;

use crate::support::{Acme, PASSWORD, Server, Site, refused};

on_each_database! {
    a_server_that_ends_in_order_writes_what_it_has_counted,
    kill_9_loses_what_was_counted_and_nothing_else,
}

/// Presents so many invitations that nobody has made, one after the other, each also with a key
/// that may not.
async fn present_invitations(acme: &Acme, server: &Server, invitations: u64) {
    let (web, astray) = (acme.web(server), acme.web_astray(server));
    for _ in 0..invitations {
        let request = v1::AcceptInvitationRequest {
            invitation_token: format!("ghv_{}", "A".repeat(43)),
            new_password: PASSWORD.to_owned(),
            client: Some(v1::ClientContext::default()),
        };
        refused(web.client().accept_invitation(request.clone()).await);
        refused(astray.client().accept_invitation(request).await);
    }
}

/// How many of them have an event of their own, and how many the others tell of.
async fn told(acme: &Acme, server: &Server) -> (u64, u64) {
    let types = ["invitation.failed", "sign_in.refused", "call"].map(str::to_owned).into();
    let filter = Some(v1::AuditEventFilter { types, ..Default::default() });
    let request = v1::ListAuditEventsRequest { filter, page_size: 1_000, ..Default::default() };
    let answer = acme.admin(server).list_audit_events(request).await.unwrap().into_inner();
    let (mut alone, mut counted) = (0, 0);
    for event in answer.audit_events {
        match event.attributes.get("count") {
            Some(count) => counted += count.parse::<u64>().unwrap(),
            None => alone += 1,
        }
    }
    (alone, counted)
}

async fn a_server_that_ends_in_order_writes_what_it_has_counted(site: Site) {
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    present_invitations(&acme, &server, 60).await;
    server.process.terminate();
    let ended = server.process.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let server = site.serve(&[]);
    let (alone, counted) = told(&acme, &server).await;
    assert_eq!(alone + counted, 2 * 60);
    assert!(counted > 0 && alone >= 10 + 30, "{alone} alone");
}

async fn kill_9_loses_what_was_counted_and_nothing_else(site: Site) {
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    present_invitations(&acme, &server, 60).await;
    let (alone, _) = told(&acme, &server).await;
    assert!(alone >= 10 + 30);
    server.process.kill();
    let server = site.serve(&[]);
    let (still, counted) = told(&acme, &server).await;
    assert_eq!(still, alone);
    // Some may have been written within the minute.
    assert!(still + counted <= 2 * 60);
    // It counts anew, from nothing.
    present_invitations(&acme, &server, 60).await;
    server.process.terminate();
    server.process.ended();
    let server = site.serve(&[]);
    let (alone, after) = told(&acme, &server).await;
    assert_eq!((alone - still) + (after - counted), 2 * 60);
}
