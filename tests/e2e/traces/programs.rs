//! Traces of the program, by the variables that operators know.

use std::time::Instant;

use gatehouse_test_tls::{Authority, ServerFiles};
use gatehouse_tests::{Collector, EMPTY, Program, Raw};
use tokio::net::TcpListener;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{LIST_PORTALS, PARENT, TRACE, traceparent};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gatehouse-for-tests");
const NAME: &str = "gatehouse.v1.AdminService/ListPortals";

async fn list_portals(program: &Program, traceparent: Option<&str>) {
    let mut raw = Raw::on(program.channel()).key(program.owner_key());
    if let Some(traceparent) = traceparent {
        raw = raw.header("traceparent", traceparent);
    }
    raw.call(LIST_PORTALS, EMPTY).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_part_of_its_callers_trace_as_that_says() {
    let mut collector = Collector::start().await;
    let program = Program::serve_in(
        PROGRAM,
        &[],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint),
            ("OTEL_SERVICE_NAME", "identity"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ],
    );
    list_portals(&program, Some(&traceparent("01"))).await;
    // While it serves, without anybody's asking.
    let traced = collector.next(NAME).await;
    assert!(traced.is_of_server());
    assert_eq!((traced.trace().as_str(), traced.parent().as_str()), (TRACE, PARENT));
    assert_eq!(traced.error(), None);
    assert_eq!(traced.resource["service.name"], "identity");
    assert_eq!(traced.resource["deployment.environment.name"], "test");
    assert!(traced.resource.contains_key("service.instance.id"));

    let unsampled = traceparent("00").replace(TRACE, &TRACE.replace('4', "5"));
    list_portals(&program, Some(&unsampled)).await;
    list_portals(&program, None).await;
    HealthClient::new(program.channel()).check(HealthCheckRequest::default()).await.unwrap();
    // The end sends what has not been sent.
    let (code, log) = program.terminate();
    assert_eq!(code, Some(0), "{log}");
    let rest = collector.rest();
    let calls: Vec<_> = rest.iter().filter(|span| span.is_of_server()).collect();
    let [root] = calls[..] else { panic!("{calls:?}") };
    assert_eq!((root.span.name.as_str(), root.parent().as_str()), (NAME, ""));
    assert!(rest.iter().all(|span| [TRACE, &root.trace()].contains(&&*span.trace())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sampler_that_asks_no_parent_decides_alone() {
    let mut collector = Collector::start().await;
    let flags = ["--traces-endpoint", &*collector.endpoint, "--traces-sampler", "always_on"];
    let program = Program::serve(PROGRAM, &flags);
    list_portals(&program, Some(&traceparent("00"))).await;
    assert_eq!(collector.next(NAME).await.trace(), TRACE);
    drop(program);

    let flags =
        ["--traces-endpoint", &*collector.endpoint, "--traces-sampler", "parentbased_always_off"];
    let program = Program::serve(PROGRAM, &flags);
    list_portals(&program, None).await;
    list_portals(&program, Some(&traceparent("01"))).await;
    assert_eq!(program.terminate().0, Some(0));
    let calls: Vec<_> =
        collector.rest().into_iter().filter(gatehouse_tests::Received::is_of_server).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].trace(), TRACE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_no_call_and_is_told_of_once() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let mut program = Program::serve(PROGRAM, &["--traces-endpoint", &endpoint]);
    list_portals(&program, None).await;
    tokio::task::block_in_place(|| program.line("the export of traces fails"));
    list_portals(&program, None).await;
    let (code, log) = program.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("the export of traces fails").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_keeps_no_server_from_ending() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let program = Program::serve(PROGRAM, &["--traces-endpoint", &endpoint]);
    list_portals(&program, None).await;
    let asked = Instant::now();
    let (code, log) = program.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the last spans were not exported"), "{log}");
    assert!(asked.elapsed().as_secs() < 10, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_go_to_a_collector_that_the_named_ca_vouches_for() {
    let authority = Authority::new("CA of collectors");
    let mut collector = Collector::start_with_tls(&authority.server()).await;
    let folder = tempfile::tempdir().unwrap();
    let files = ServerFiles::in_folder(folder.path());
    std::fs::write(&files.client_ca, authority.pem()).unwrap();
    let ca = files.client_ca.to_str().unwrap();
    let flags = ["--traces-endpoint", &*collector.endpoint, "--traces-ca", ca];
    let program = Program::serve(PROGRAM, &flags);
    list_portals(&program, None).await;
    collector.next(NAME).await;
    drop(program);

    // The CAs of the web do not know it.
    let mut program = Program::serve(PROGRAM, &["--traces-endpoint", &collector.endpoint]);
    list_portals(&program, None).await;
    tokio::task::block_in_place(|| program.line("the export of traces fails"));
    assert!(collector.rest().is_empty());
}
