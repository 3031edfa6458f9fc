//! What the lists of administrators have in common, and what each shows.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole;
use gatehouse_api::v1::api_key::Grant;

use gatehouse_tests::{Acme, Admin, Answer, PORTAL, Refusal, TestServer, refused, timestamp};

gatehouse_tests::on_each_database! {
    pages_hold_every_portal_once,
    pages_hold_every_session_once_the_newest_first,
    pages_hold_every_key_once_the_oldest_first,
    a_scoped_key_sees_its_own_portals_alone,
    a_scoped_owner_sees_the_keys_within_its_grant_alone,
    a_key_among_many_that_are_not_to_be_seen_is_found,
    a_page_token_works_for_its_own_list_alone,
    a_page_size_is_not_negative,
}

const ALL_SESSIONS: &str = "portals/acme/customers/-";

/// A list, by what all lists have: the names of a page, and the next page's token.
#[derive(Clone, Copy, Debug)]
enum List {
    Portals,
    Sessions,
    ApiKeys,
}

impl List {
    async fn page(
        self,
        admin: &Admin,
        page_size: i32,
        page_token: &str,
    ) -> Answer<(Vec<String>, String)> {
        let page_token = page_token.to_owned();
        let mut client = admin.client();
        Ok(match self {
            Self::Portals => {
                let request = v1::ListPortalsRequest { page_size, page_token };
                let answer = client.list_portals(request).await?.into_inner();
                let names = answer.portals.into_iter().map(|portal| portal.name);
                (names.collect(), answer.next_page_token)
            }
            Self::Sessions => {
                let parent = ALL_SESSIONS.to_owned();
                let request = v1::ListSessionsRequest { parent, page_size, page_token };
                let answer = client.list_sessions(request).await?.into_inner();
                let names = answer.sessions.into_iter().map(|session| session.name);
                (names.collect(), answer.next_page_token)
            }
            Self::ApiKeys => {
                let request = v1::ListApiKeysRequest { page_size, page_token };
                let answer = client.list_api_keys(request).await?.into_inner();
                let names = answer.api_keys.into_iter().map(|key| key.name);
                (names.collect(), answer.next_page_token)
            }
        })
    }

    /// Every page of `size`, end to end.
    async fn all(self, admin: &Admin, size: i32) -> Vec<String> {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let (names, next) = self.page(admin, size, &token).await.unwrap();
            assert!(size == 0 || names.len() <= size.try_into().unwrap());
            assert!(!names.is_empty(), "no page of these is empty");
            seen.extend(names);
            if next.is_empty() {
                return seen;
            }
            token = next;
        }
    }

    /// Holds pages of any size to `expected`.
    async fn assert_all(self, admin: &Admin, expected: &[String]) {
        for size in [1, 2, 3, 7, 1_000, 5_000, 0] {
            assert_eq!(self.all(admin, size).await, expected, "{self:?} in pages of {size}");
        }
    }
}

async fn pages_hold_every_portal_once(server: TestServer) {
    let admin = server.admin();
    for id in ["gamma", "acme", "delta", "beta"] {
        admin.create_portal(id, v1::Portal::default()).await.unwrap();
    }
    let sorted = ["acme", "beta", "delta", "gamma"].map(|id| format!("portals/{id}"));
    List::Portals.assert_all(&admin, &sorted).await;
    let whole = admin.client().list_portals(v1::ListPortalsRequest::default()).await.unwrap();
    let got = admin.portal(PORTAL).await.unwrap();
    assert!(whole.into_inner().portals[0] == got, "as GetPortal shows it");
}

async fn pages_hold_every_session_once_the_newest_first(server: TestServer) {
    let acme = Acme::new(server).await;
    let mut names = Vec::new();
    for _ in 0..5 {
        names.insert(0, acme.password_session().await.session.unwrap().name);
        acme.server.pass(Duration::from_millis(1));
    }
    List::Sessions.assert_all(&acme.admin, &names).await;
}

async fn pages_hold_every_key_once_the_oldest_first(server: TestServer) {
    let acme = Acme::new(server).await;
    let mut names = List::ApiKeys.all(&acme.admin, 0).await;
    assert_eq!(names.len(), 2, "the owner's and the backend's");
    for role in [AdminRole::Viewer, AdminRole::Owner, AdminRole::Support] {
        acme.server.pass(Duration::from_millis(1));
        let grant = v1::AdminGrant { role: role.into(), portals: vec![PORTAL.to_owned()] };
        let key = v1::ApiKey {
            display_name: "the next".to_owned(),
            grant: Some(Grant::Admin(grant)),
            expire_time: Some(timestamp(acme.server.now() + Duration::from_mins(1))),
            ..Default::default()
        };
        names.push(acme.admin.create_key(key).await.unwrap().0);
    }
    acme.admin.revoke_key(&names[2]).await.unwrap();
    acme.server.pass(Duration::from_mins(1));
    List::ApiKeys.assert_all(&acme.admin, &names).await;

    let answer = acme.admin.client().list_api_keys(v1::ListApiKeysRequest::default()).await;
    let keys = answer.unwrap().into_inner().api_keys;
    let revoked = keys.iter().map(|key| key.revoke_time.is_some()).collect::<Vec<_>>();
    assert_eq!(revoked, [false, false, true, false, false]);
    assert_eq!(keys[3].display_name, "the next");
}

/// An owner of `acme` and of what is not there.
async fn scoped(acme: &Acme) -> Admin {
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    acme.admin.create_portal("gamma", v1::Portal::default()).await.unwrap();
    let portals = [PORTAL, "portals/gamma"];
    let key = acme.admin.admin_key(AdminRole::Owner, &portals).await.unwrap();
    acme.admin.delete_portal("portals/gamma", "", false).await.unwrap();
    acme.server.admin_with(&key)
}

async fn a_scoped_key_sees_its_own_portals_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let scoped = scoped(&acme).await;
    List::Portals.assert_all(&scoped, &[PORTAL.to_owned()]).await;
    List::Portals.assert_all(&acme.admin, &[PORTAL.to_owned(), "portals/beta".to_owned()]).await;
}

async fn a_scoped_owner_sees_the_keys_within_its_grant_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let scoped = scoped(&acme).await;
    for (role, portals) in [
        (AdminRole::Viewer, &["portals/-"][..]),
        (AdminRole::Viewer, &["portals/beta"]),
        (AdminRole::Viewer, &[PORTAL, "portals/beta"]),
        (AdminRole::Viewer, &[PORTAL]),
    ] {
        acme.server.pass(Duration::from_millis(1));
        acme.admin.admin_key(role, portals).await.unwrap();
    }
    acme.admin.portal_key("portals/beta", v1::PortalAccess::Full).await.unwrap();
    let all = acme.admin.client().list_api_keys(v1::ListApiKeysRequest::default()).await.unwrap();
    let all = all.into_inner().api_keys;
    let within = all.iter().filter(|key| match key.grant.as_ref().unwrap() {
        Grant::Portal(grant) => grant.portal == PORTAL,
        Grant::Admin(grant) => {
            grant.portals.iter().all(|portal| [PORTAL, "portals/gamma"].contains(&portal.as_str()))
        }
    });
    let within = within.map(|key| key.name.clone()).collect::<Vec<_>>();
    assert_eq!((all.len(), within.len()), (8, 3), "the backend's, its own, the last viewer's");
    List::ApiKeys.assert_all(&scoped, &within).await;
}

async fn a_key_among_many_that_are_not_to_be_seen_is_found(server: TestServer) {
    let acme = Acme::new(server).await;
    let scoped = scoped(&acme).await;
    for _ in 0..250 {
        acme.admin.portal_key("portals/beta", v1::PortalAccess::Validate).await.unwrap();
    }
    acme.server.pass(Duration::from_millis(1));
    acme.admin.portal_key(PORTAL, v1::PortalAccess::Validate).await.unwrap();
    for size in [1, 2, 0] {
        assert_eq!(List::ApiKeys.all(&scoped, size).await.len(), 3, "pages of {size}");
    }
}

async fn a_page_token_works_for_its_own_list_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.password_session().await;
    acme.password_session().await;
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    let portals = [PORTAL, "portals/beta"];
    let other = acme.admin.admin_key(AdminRole::Owner, &portals).await.unwrap();
    let other = acme.server.admin_with(&other);
    let lists = [List::Portals, List::Sessions, List::ApiKeys];
    let wrong = Refusal::invalid(&["page_token"]);
    for list in lists {
        let (_, token) = list.page(&acme.admin, 1, "").await.unwrap();
        assert!(!token.is_empty(), "{list:?}");
        list.page(&acme.admin, 9, &token).await.unwrap();
        for another in lists {
            let own = another as usize == list as usize;
            if !own {
                assert_eq!(refused(another.page(&acme.admin, 1, &token).await), wrong);
            }
            // What these two show depends on the key.
            if own && !matches!(list, List::Sessions) {
                assert_eq!(refused(list.page(&other, 1, &token).await), wrong, "{list:?}");
            }
        }
        for bad in ["x", &token[1..], &format!("{token}A")] {
            assert_eq!(refused(list.page(&acme.admin, 1, bad).await), wrong, "{list:?}");
        }
    }
    let (_, page_token) = List::Sessions.page(&acme.admin, 1, "").await.unwrap();
    for parent in [acme.customer.as_str(), "portals/beta/customers/-"] {
        let parent = parent.to_owned();
        let page_token = page_token.clone();
        let request = v1::ListSessionsRequest { parent, page_size: 1, page_token };
        assert_eq!(refused(acme.admin.client().list_sessions(request).await), wrong);
    }
}

async fn a_page_size_is_not_negative(server: TestServer) {
    let acme = Acme::new(server).await;
    for list in [List::Portals, List::Sessions, List::ApiKeys] {
        let refusal = refused(list.page(&acme.admin, -1, "x").await);
        assert_eq!(refusal, Refusal::invalid(&["page_size", "page_token"]), "{list:?}");
    }
}
