use gatehouse_test_tls::{Authority, Client, ServerFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock::Clock;
use crate::config::TlsSettings;

/// A server's certificate, and a client that takes it.
async fn certified() -> (Arc<ServerTls>, Client) {
    let folder = tempfile::tempdir().unwrap();
    let files = ServerFiles::in_folder(folder.path());
    let authority = Authority::new("servers");
    files.write(&authority.server());
    let ServerFiles { certificate, key, .. } = files;
    let settings = TlsSettings { certificate, key, client_ca: None };
    let tls = ServerTls::open(&settings, Clock::system()).await.unwrap();
    (Arc::new(tls), Client::new(&authority, None))
}

async fn accept(listener: &TcpListener, tls: Option<&Arc<ServerTls>>) -> Connection {
    let (stream, peer) = listener.accept().await.unwrap();
    Connection::new(stream, peer, tls, None)
}

/// A client that has said nothing.
async fn connect(tls: Option<&Arc<ServerTls>>) -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, accept(&listener, tls).await)
}

/// A client that has agreed on TLS.
async fn connect_by_tls(
    tls: &Arc<ServerTls>,
    client: &Client,
) -> (tokio_rustls::client::TlsStream<TcpStream>, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let mut server = accept(&listener, Some(tls)).await;
        server.flush().await.unwrap();
        server
    };
    let (client, server) = tokio::join!(client.tls(address), server);
    (client.unwrap(), server)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_less_than_a_preface_is_cut_off() {
    let (mut client, mut server) = connect(None).await;
    let mut preface = [0; PREFACE_BYTES];
    client.write_all(&preface[1..]).await.unwrap();
    let error = server.read_exact(&mut preface).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_sent_its_preface_may_be_silent() {
    let (mut client, mut server) = connect(None).await;
    let mut preface = [0; PREFACE_BYTES];
    client.write_all(&preface).await.unwrap();
    server.read_exact(&mut preface).await.unwrap();
    tokio::select! {
        read = server.read_u8() => unreachable!("{read:?}"),
        () = sleep(2 * HANDSHAKE_LIMIT) => {}
    }
}

#[tokio::test]
async fn a_client_that_stalls_in_the_handshake_is_cut_off() {
    let (tls, _) = certified().await;
    tokio::time::pause();
    // The head of a record of 512 bytes that do not come; and nothing at all.
    for said in [&b"\x16\x03\x01\x02\x00\x01"[..], &[]] {
        let (mut client, mut server) = connect(Some(&tls)).await;
        client.write_all(said).await.unwrap();
        let begun = tokio::time::Instant::now();
        // Whether the server waits to read or to write.
        let error = if said.is_empty() {
            server.write_all(b"settings").await.unwrap_err()
        } else {
            server.read_u8().await.unwrap_err()
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), HANDSHAKE_LIMIT.as_secs());
        // At once, and not when the connection is given up.
        assert_eq!(client.read(&mut [0; 64]).await.unwrap_or_default(), 0);
        assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(tls.take_failed_handshakes(), 1);
    }
}

#[tokio::test]
async fn the_preface_has_to_come_within_the_same_time_as_tls() {
    let (tls, client) = certified().await;
    let (mut client, mut server) = connect_by_tls(&tls, &client).await;
    tokio::time::pause();
    let mut preface = [0; PREFACE_BYTES];
    client.write_all(&preface[1..]).await.unwrap();
    client.flush().await.unwrap();
    let error = server.read_exact(&mut preface).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(tls.take_failed_handshakes(), 0);
}

#[tokio::test]
async fn what_is_said_by_tls_is_heard_on_both_sides() {
    let (tls, client) = certified().await;
    let (mut client, mut server) = connect_by_tls(&tls, &client).await;
    assert!(server.is_write_vectored());
    assert_eq!(server.connect_info().0, client.get_ref().0.local_addr().unwrap());
    let mut heard = [0; PREFACE_BYTES];
    client.write_all(b"PRI * HTTP/2.0 and so on").await.unwrap();
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"PRI * HTTP/2.0 and so on");

    let parts = [IoSlice::new(b"two "), IoSlice::new(b"parts")];
    assert_eq!(server.write_vectored(&parts).await.unwrap(), 9);
    server.shutdown().await.unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "two parts");
}

#[tokio::test]
async fn a_client_that_asks_for_no_protocol_is_not_taken_for_one_of_ours() {
    let (tls, client) = certified().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = client.asking_for(&[]);
    let leaving = async { drop(client.tls(address).await.unwrap()) };
    let server = async { accept(&listener, Some(&tls)).await.read_u8().await };
    let ((), read) = tokio::join!(leaving, server);
    let error = read.unwrap_err();
    assert_eq!(error.to_string(), "the client did not ask for h2 by ALPN");
    assert_eq!(tls.take_failed_handshakes(), 1);
}

#[tokio::test]
async fn a_client_that_only_looks_whether_somebody_listens_is_no_failure() {
    let (tls, _) = certified().await;
    let (client, mut server) = connect(Some(&tls)).await;
    drop(client);
    assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(tls.take_failed_handshakes(), 0);
}

#[tokio::test]
async fn a_client_that_is_told_why_it_is_refused_may_take_its_time_and_say_more() {
    let (tls, _) = certified().await;
    tokio::time::pause();
    let (mut client, mut server) = connect(Some(&tls)).await;
    let read = tokio::spawn(async move {
        let read = server.read_u8().await;
        assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::NotConnected);
        read
    });
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut alert = [0; 7];
    client.read_exact(&mut alert).await.unwrap();
    assert_eq!(alert[0], 21);
    client.write_all(&[0; 4096]).await.unwrap();
    assert_eq!(client.read(&mut alert).await.unwrap(), 0);
    drop(client);
    assert_eq!(read.await.unwrap().unwrap_err().kind(), ErrorKind::InvalidData);

    // Not for ever, nor without end.
    for more in [0, 2 * MAX_PARTING_BYTES] {
        let (mut client, mut server) = connect(Some(&tls)).await;
        let said = [&b"GET / HTTP/1.1\r\n\r\n"[..], &vec![0; more]].concat();
        client.write_all(&said).await.unwrap();
        assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
