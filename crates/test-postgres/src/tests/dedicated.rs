use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::ended_with;
use crate::DedicatedPostgres;

/// Longer than any answer takes of a server that runs.
const A_WHILE: Duration = Duration::from_millis(500);

fn with_a_row() -> DedicatedPostgres {
    let server = DedicatedPostgres::new().unwrap();
    server.sql("CREATE TABLE portal (id int); INSERT INTO portal VALUES (1)").unwrap();
    server
}

fn rows(server: &DedicatedPostgres) -> String {
    server.sql("SELECT count(*) FROM portal").unwrap()
}

/// A connection that stays open.
struct Connection {
    psql: Child,
    sql: Option<ChildStdin>,
    rows: BufReader<ChildStdout>,
}

impl Connection {
    fn to(server: &DedicatedPostgres) -> Self {
        let mut command = Command::new("psql");
        command.args(["-XAtq", &server.url()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut psql = command.spawn().unwrap();
        let (sql, rows) = (psql.stdin.take().unwrap(), psql.stdout.take().unwrap());
        let mut connection = Self { psql, sql: Some(sql), rows: BufReader::new(rows) };
        assert_eq!(connection.query("SELECT 1"), "1");
        connection
    }

    fn query(&mut self, sql: &str) -> String {
        self.send(sql);
        self.line()
    }

    fn send(&mut self, sql: &str) {
        writeln!(self.sql.as_mut().unwrap(), "{sql};").unwrap();
    }

    /// Whether it still answers. It is not used any more after that.
    fn answers(mut self) -> bool {
        self.send("SELECT 2");
        // psql that has not noticed yet waits for more to send.
        drop(self.sql.take());
        self.line() == "2"
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.rows.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

#[test]
fn a_durable_server_forces_commits_to_the_disk() {
    let fsync = |server: DedicatedPostgres| server.sql("SHOW fsync").unwrap();
    assert_eq!(fsync(DedicatedPostgres::durable().unwrap()), "on");
    assert_eq!(fsync(DedicatedPostgres::new().unwrap()), "off");
}

#[test]
fn what_was_committed_outlives_a_kill() {
    let mut server = with_a_row();
    let url = server.url();
    for _ in 0..2 {
        server.kill().unwrap();
        assert!(server.sql("SELECT 1").is_err());
        server.start().unwrap();
        assert_eq!(rows(&server), "1");
    }
    assert_eq!(server.url(), url);
}

#[test]
fn a_restart_and_a_killed_backend_end_every_connection() {
    let mut server = with_a_row();
    let connection = Connection::to(&server);
    server.restart().unwrap();
    assert!(!connection.answers());
    assert!(!server.kill_backend().unwrap(), "there is none");

    let [one, other] = [Connection::to(&server), Connection::to(&server)];
    assert!(server.kill_backend().unwrap());
    server.wait_until_ready().unwrap();
    assert!(!one.answers() && !other.answers());
    assert_eq!(rows(&server), "1");
}

#[test]
fn a_frozen_server_answers_once_it_is_thawed() {
    let server = with_a_row();
    let mut connection = Connection::to(&server);
    server.freeze().unwrap();
    let begun = Instant::now();
    connection.send("SELECT 2");
    let answered = std::thread::spawn(move || (connection.line(), begun.elapsed()));
    while begun.elapsed() < A_WHILE {
        assert!(!answered.is_finished());
        std::thread::yield_now();
    }
    server.thaw().unwrap();
    let (line, took) = answered.join().unwrap();
    assert_eq!(line, "2");
    assert!(took >= A_WHILE);
}

#[test]
fn a_read_only_server_is_so_on_open_connections_too() {
    let server = with_a_row();
    let mut connection = Connection::to(&server);
    let insert = "INSERT INTO portal VALUES (2) RETURNING id; SELECT 'after'";
    server.set_read_only(true).unwrap();
    assert_eq!(connection.query(insert), "after");
    assert!(server.sql("DELETE FROM portal").is_err());
    assert_eq!(rows(&server), "1");
    server.set_read_only(false).unwrap();
    assert_eq!(connection.query(insert), "2");
}

#[test]
fn a_dropped_server_is_gone_with_its_folder_even_frozen() {
    let server = with_a_row();
    let folder = server.folder.clone();
    let (postmaster, _) = crate::processes::of(&server.data()).unwrap();
    server.freeze().unwrap();
    drop(server);
    assert!(!folder.exists());
    crate::processes::kill(&[postmaster]).unwrap();
}

#[test]
fn it_ends_with_a_process_that_aborts() {
    ended_with("tests::dedicated::it_ends_with_a_process_that_aborts", || {
        let server = with_a_row();
        server.freeze().unwrap();
        server.url()
    });
}
