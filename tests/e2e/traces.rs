//! Traces, as a collector of OpenTelemetry receives them.

mod programs;

use std::collections::BTreeMap;

use gatehouse_tests::{Acme, Collector, Database, EMAIL, PASSWORD, Received, TestServer, refused};

const LIST_PORTALS: &str = "/gatehouse.v1.AdminService/ListPortals";

/// `version-trace-parent-flags`, by W3C Trace Context.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// All that `server` has to send.
async fn sent(server: &TestServer, collector: &mut Collector) -> Vec<Received> {
    server.app().traces.end().await;
    collector.rest()
}

/// The names of the spans below `parent`, each with how often it is there.
fn below<'a>(parent: &Received, all: &'a [Received]) -> BTreeMap<&'a str, usize> {
    let mut names = BTreeMap::new();
    for child in all.iter().filter(|span| span.parent() == parent.id()) {
        assert_eq!(child.trace(), parent.trace());
        assert!(!child.is_of_server());
        let (begin, end) = (child.span.start_time_unix_nano, child.span.end_time_unix_nano);
        assert!(begin <= end && end <= parent.span.end_time_unix_nano, "{child:?}");
        *names.entry(child.span.name.as_str()).or_default() += 1;
    }
    names
}

fn the<'a>(name: &str, all: &'a [Received]) -> &'a Received {
    let mut named = all.iter().filter(|span| span.span.name == name);
    let (Some(only), None) = (named.next(), named.next()) else {
        panic!("not one {name}: {all:?}")
    };
    only
}

async fn traced() -> (TestServer, Collector) {
    let collector = Collector::start().await;
    let server = TestServer::without_background(Database::Sqlite).await;
    (server.traced_by(&collector).await, collector)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sign_in_waits_for_is_below_its_call() {
    let (server, mut collector) = traced().await;
    let acme = Acme::new(server).await;
    let start = acme.web.start(EMAIL).await.unwrap();
    acme.web.password(&start.token, PASSWORD).await.unwrap();
    let all = sent(&acme.server, &mut collector).await;

    let verify = the("gatehouse.v1.PortalAuthService/VerifyPassword", &all);
    assert_eq!(verify.attributes()["gatehouse.portal"], "portals/acme");
    let names = below(verify, &all);
    for once in ["look up caller", "wait for hasher", "hash password"] {
        assert_eq!(names[once], 1, "{names:?}");
    }
    for some in ["database begin", "database read", "database write", "database commit"] {
        assert!(names[some] >= 1, "{names:?}");
    }
    let commit = all.iter().find(|span| span.span.name == "database commit").unwrap();
    assert_eq!(commit.attributes()["db.system.name"], "sqlite");
    // It writes nothing and hashes nothing.
    let start = the("gatehouse.v1.PortalAuthService/StartSignIn", &all);
    assert!(!below(start, &all).contains_key("database commit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_says_what_its_call_came_to_and_whether_the_server_is_at_fault() {
    let (server, mut collector) = traced().await;
    let raw = || server.raw().key(server.owner_key());
    raw().call(LIST_PORTALS, "\0\0\0\0\0").await.unwrap();
    refused(server.raw().call(LIST_PORTALS, "\0\0\0\0\0").await);
    refused(raw().call("/gatehouse.v1.AdminService/ana@example.com", "\0\0\0\0\0").await);
    refused(raw().header("grpc-timeout", "soon").call(LIST_PORTALS, "").await);
    let all = sent(&server, &mut collector).await;

    let spans: Vec<_> = all.iter().filter(|span| span.is_of_server()).collect();
    let of = |span: &Received, name: &str| span.attributes().get(name).cloned().unwrap_or_default();
    let rows: Vec<_> = spans
        .iter()
        .map(|span| {
            let [method, code, reason, error] =
                ["rpc.method", "rpc.response.status_code", "gatehouse.reason", "error.type"]
                    .map(|name| of(span, name));
            assert_eq!(of(span, "rpc.system.name"), "grpc");
            (span.span.name.as_str(), method, code, reason, error, span.error())
        })
        .collect();
    let list = &LIST_PORTALS[1..];
    let row = |name, method: &str, code: &str, reason: &str, error: &str, status| {
        let [method, code, reason, error] = [method, code, reason, error].map(str::to_owned);
        (name, method, code, reason, error, status)
    };
    assert_eq!(
        rows,
        [
            row(list, list, "OK", "", "", None),
            row(list, list, "UNAUTHENTICATED", "API_KEY_INVALID", "", None),
            row(
                "grpc",
                "_OTHER",
                "UNIMPLEMENTED",
                "REQUEST_INVALID",
                "UNIMPLEMENTED",
                Some("REQUEST_INVALID")
            ),
            row(list, list, "INVALID_ARGUMENT", "REQUEST_INVALID", "", None),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_traceparent_that_cannot_be_read_begins_a_trace() {
    let (server, mut collector) = traced().await;
    let good = traceparent("01");
    for bad in [
        "",
        "00",
        &good[..54],
        &good.replace("4bf9", "4BF9"),
        &good.replace(TRACE, &"0".repeat(32)),
        &good.replace(PARENT, &"0".repeat(16)),
        &good.replace("00-4", "ff-4"),
        &format!("{good}-more"),
        &"x".repeat(55),
    ] {
        let raw = server.raw().key(server.owner_key()).header("traceparent", bad);
        raw.call(LIST_PORTALS, "\0\0\0\0\0").await.unwrap();
    }
    // Two of them could each be believed by another.
    let raw = server.raw().key(server.owner_key());
    let raw = raw.header("traceparent", &*good).header("traceparent", &*good);
    raw.call(LIST_PORTALS, "\0\0\0\0\0").await.unwrap();
    let all = sent(&server, &mut collector).await;
    let roots: Vec<_> = all.iter().filter(|span| span.is_of_server()).collect();
    assert_eq!(roots.len(), 10);
    for root in roots {
        assert_eq!(root.parent(), "");
        assert_ne!(root.trace(), TRACE);
    }
}
