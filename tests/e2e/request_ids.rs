//! A call's request id: in whatever it is answered with, in the log, and in the audit trail.

use std::collections::BTreeSet;

use gatehouse_api::v1;
use gatehouse_tests::{Acme, Answer, Database, EMPTY, Program, Raw, TestServer};
use http::HeaderMap;
use serde_json::Value;
use tonic::Code;
use tonic_types::StatusExt;

const LIST_PORTALS: &str = "/gatehouse.v1.AdminService/ListPortals";
const SIGN_OUT: &str = "/gatehouse.v1.PortalAuthService/SignOut";
const ID: &str = "x-request-id";

/// The request id of an answer, whichever it is, and its code.
fn told(answer: Answer<HeaderMap>) -> (Code, String) {
    let (code, headers) = match answer {
        Ok(headers) => (Code::Ok, headers),
        Err(status) => (status.code(), status.metadata().clone().into_headers()),
    };
    let mut all = headers.get_all(ID).iter();
    let (Some(only), None) = (all.next(), all.next()) else { panic!("{code}: {headers:?}") };
    (code, only.to_str().unwrap().to_owned())
}

fn is_made(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_answer_says_the_id_that_its_caller_gave() {
    let acme = Acme::new(TestServer::start(Database::Sqlite).await).await;
    let full = acme.server.overloaded().await;
    let raw = || acme.server.raw().header(ID, "mine-1");
    let owner = || raw().key(acme.server.owner_key());
    let large = format!("\0\0\x01\x7f\x7f{}", "\0".repeat(0x17f7f));
    let sign_out = gatehouse_tests::frame(&format!("\n\x2fghs_{}", "A".repeat(43)));
    let answers = [
        (Code::Ok, owner().call(LIST_PORTALS, EMPTY).await),
        // Before a handler: key, scope, method, deadline, compression, size, framing.
        (Code::Unauthenticated, raw().call(LIST_PORTALS, EMPTY).await),
        (Code::PermissionDenied, raw().key(&acme.key).call(LIST_PORTALS, EMPTY).await),
        (Code::Unimplemented, owner().call("/gatehouse.v1.AdminService/None", EMPTY).await),
        (Code::Unimplemented, owner().call("/nobody.v1.Nothing/Get", EMPTY).await),
        (
            Code::InvalidArgument,
            owner().header("grpc-timeout", "soon").call(LIST_PORTALS, EMPTY).await,
        ),
        (
            Code::Unimplemented,
            owner().header("grpc-encoding", "gzip").call(LIST_PORTALS, EMPTY).await,
        ),
        (Code::InvalidArgument, owner().call(LIST_PORTALS, &large).await),
        (Code::InvalidArgument, owner().call(LIST_PORTALS, "\0\0\0\0\x05a").await),
        // Of a handler.
        (Code::InvalidArgument, raw().key(&acme.key).call(SIGN_OUT, EMPTY).await),
        (
            Code::ResourceExhausted,
            full.raw().header(ID, "mine-1").key(&acme.key).call(SIGN_OUT, &sign_out).await,
        ),
        // Of services with errors of their own.
        (Code::NotFound, raw().call("/grpc.health.v1.Health/Check", &sign_out).await),
    ];
    for (n, (code, answer)) in answers.into_iter().enumerate() {
        assert_eq!(told(answer), (code, "mine-1".to_owned()), "answer {n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_says_its_id_in_its_details_too() {
    let server = TestServer::start(Database::Postgres).await;
    let key = server.owner_key().to_owned();
    server.hide_tables();
    let raw = server.raw().header(ID, "mine-1").key(&key);
    let status = raw.call(LIST_PORTALS, EMPTY).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.get_error_details().request_info().unwrap().request_id, "mine-1");
    assert_eq!(told(Err(status)).1, "mine-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_and_the_audit_trail_have_the_id_of_the_answer_and_never_one_that_is_no_id() {
    let flags = ["--log-format", "json", "--log", "info,gatehouse::layer=debug"];
    let program = Program::serve(env!("CARGO_BIN_EXE_gatehouse-for-tests"), &flags);
    let hostile = "id\" injected=\"yes";
    let too_long = "a".repeat(65);
    let mut told_ids = Vec::new();
    for (n, given) in
        [Some("mine-1"), Some(hostile), Some(&*too_long), None].into_iter().enumerate()
    {
        let id = format!("p{n}");
        let mut raw = Raw::on(program.channel()).key(program.owner_key());
        if let Some(given) = given {
            raw = raw.header(ID, given);
        }
        let request =
            v1::CreatePortalRequest { portal_id: id, portal: Some(v1::Portal::default()) };
        let message = prost::Message::encode_to_vec(&request);
        let message = gatehouse_tests::frame(std::str::from_utf8(&message).unwrap());
        let path = "/gatehouse.v1.AdminService/CreatePortal";
        let (code, id) = told(raw.call(path, &message).await);
        assert_eq!(code, Code::Ok);
        told_ids.push(id);
    }
    assert_eq!(told_ids[0], "mine-1");
    assert!(told_ids[1..].iter().all(|id| is_made(id)), "{told_ids:?}");
    let told_ids: BTreeSet<_> = told_ids.into_iter().collect();

    let request = v1::ListAuditEventsRequest {
        filter: Some(v1::AuditEventFilter {
            types: vec!["portal.created".to_owned()],
            ..Default::default()
        }),
        ..Default::default()
    };
    let events = program.admin().client().list_audit_events(request).await.unwrap().into_inner();
    let recorded: BTreeSet<_> =
        events.audit_events.into_iter().map(|event| event.request_id).collect();
    assert_eq!(recorded, told_ids);

    let (code, log) = program.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("injected") && !log.contains(&too_long), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let logged: BTreeSet<_> = lines
        .iter()
        .filter(|line| line["fields"]["message"] == "answered")
        .filter(|line| line["span"]["path"].as_str().unwrap().ends_with("/CreatePortal"))
        .map(|line| {
            assert_eq!(line["fields"]["code"], "OK");
            line["span"]["request_id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(logged, told_ids);
}

/// docs/operations.md shows the line of a call: it is as it is written, but for the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_logged_as_the_manual_shows_it() {
    let manual = include_str!("../../docs/operations.md");
    let (_, shown) = manual.split_once("```json\n").unwrap();
    let without_time = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        assert!(line["timestamp"].take().is_string());
        line
    };
    let log = ["--log-format", "json", "--log", "info,gatehouse::layer=debug"];
    // Where nobody listens.
    let traces = ["--traces-endpoint", "http://127.0.0.1:9"];
    let program =
        Program::serve(env!("CARGO_BIN_EXE_gatehouse-for-tests"), &[&log[..], &traces].concat());
    let raw = Raw::on(program.channel()).key(program.owner_key()).header(ID, "mine-1");
    let raw = raw.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let path = "/gatehouse.v1.AdminService/ListPortals";
    assert_eq!(told(raw.call(path, &gatehouse_tests::frame("")).await).0, Code::Ok);
    let (_, log) = program.terminate();
    let written = log.lines().find(|line| line.contains("\"answered\"")).unwrap();
    assert_eq!(without_time(written), without_time(shown.lines().next().unwrap()));
}
