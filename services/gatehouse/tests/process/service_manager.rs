//! What a service manager hears of a server.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use crate::support::{PATIENCE, Process, Server, Site, run};

/// A server that tells the socket at `socket` how it is.
fn serve(site: &Site, socket: &Path) -> Server {
    let mut command = site.command(&["serve"]);
    command.env("NOTIFY_SOCKET", socket);
    Server::of(Process::spawn(command))
}

#[test]
fn it_hears_when_the_server_is_ready_and_when_it_stops() {
    let site = Site::sqlite();
    let path = site.folder().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut message = [0; 64];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap().trim_end().to_owned()
    };
    let server = serve(&site, &path);
    assert_eq!(heard(), "READY=1");
    server.process.terminate();
    assert_eq!(heard(), "STOPPING=1");
    assert_eq!(server.process.ended().code, Some(0));
}

#[test]
fn one_that_does_not_listen_costs_a_line_of_the_log_and_no_call() {
    let site = Site::sqlite();
    let mut server = serve(&site, &site.folder().join("nobody"));
    server.process.line("the service manager cannot be told");
    let listen = server.address.to_string();
    assert_eq!(run(site.command(&["healthcheck", "--listen", &listen])).code, Some(0));
    server.process.terminate();
    assert_eq!(server.process.ended().code, Some(0));
}
