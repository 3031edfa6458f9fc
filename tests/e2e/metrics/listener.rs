//! The port that metrics are served on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use gatehouse::metrics::listener::MetricsListener;
use gatehouse_tests::{Acme, Database, TestServer, refused};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Scrape;

const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// A listener of `server`, until what is given is sent.
async fn listen(server: &TestServer) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = MetricsListener::bind(server.app(), ANY_PORT.into()).await.unwrap();
    let address = listener.local_addr();
    let (end, ended) = oneshot::channel();
    let serving = tokio::spawn(listener.serve_during(async { ended.await.unwrap() }));
    (address, end, serving)
}

/// What is answered to `head`: its status and its body.
async fn ask(address: SocketAddr, head: &str) -> io::Result<(u16, String)> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(format!("{head}\r\nhost: metrics\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_there_by_one_name_and_one_method() {
    let server = TestServer::start(Database::Sqlite).await;
    let (address, _end, _) = listen(&server).await;
    let (status, text) = ask(address, "GET /metrics HTTP/1.1").await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(Scrape::read(&text).value("gatehouse_ready"), 1);
    let (status, _) = ask(address, "GET /metrics?debug=1 HTTP/1.0").await.unwrap();
    assert_eq!(status, 200);
    for head in [
        "GET / HTTP/1.1",
        "GET /metrics/ HTTP/1.1",
        "GET /Metrics HTTP/1.1",
        "GET /metrics/../etc/passwd HTTP/1.1",
        "POST /metrics HTTP/1.1",
        "HEAD /metrics HTTP/1.1",
        "DELETE /metrics HTTP/1.1",
    ] {
        let (status, body) = ask(address, head).await.unwrap();
        assert_eq!(status, 404, "{head}");
        assert!(!body.contains("gatehouse_"), "{head}: {body}");
    }
    let (status, body) = ask(address, "no request at all").await.unwrap();
    assert_eq!((status, body.as_str()), (400, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_there_while_the_database_is_not() {
    let acme = Acme::new(TestServer::start(Database::Postgres).await).await;
    let (address, _end, _) = listen(&acme.server).await;
    acme.server.lose_database();
    refused(acme.web.start("ana@example.com").await);
    acme.server.app().look_at_database().await.unwrap_err();
    let (status, text) = ask(address, "GET /metrics HTTP/1.1").await.unwrap();
    let seen = Scrape::read(&text);
    assert_eq!((status, seen.value("gatehouse_ready")), (200, 0));
    assert_eq!(seen.calls("StartSignIn", "UNAVAILABLE", "STORE_UNAVAILABLE"), 1);
    let failures = "gatehouse_database_failures_total{failure=\"unavailable\",kind=\"read\"}";
    assert!(seen.value(failures) >= 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_nobody_waiting_for_long_and_end_with_the_server() {
    let server = TestServer::start(Database::Sqlite).await;
    let (address, end, serving) = listen(&server).await;
    // As many as there are places: who comes next is answered when they are cut off.
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(ask(address, "GET /metrics HTTP/1.1").await.unwrap().0, 200);
    let mut last = TcpStream::connect(address).await.unwrap();
    last.write_all(b"GET /metrics").await.unwrap();
    end.send(()).unwrap();
    serving.await.unwrap();
    drop(silent);
    // The end of it, or a reset.
    assert_eq!(last.read(&mut [0; 64]).await.unwrap_or_default(), 0);
    TcpStream::connect(address).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_with_its_setting() {
    let server = TestServer::start(Database::Sqlite).await;
    let app = server.app();
    let first = MetricsListener::bind(Arc::clone(&app), ANY_PORT.into()).await.unwrap();
    let taken = first.local_addr();
    let error = MetricsListener::bind(app, taken).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {taken}, which metrics_listen asks for")
    );
}
