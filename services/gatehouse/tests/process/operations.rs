//! docs/operations.md: its commands, typed as they stand, but for places and numbers that are another
//! machine's. Those of its section on TLS are typed by tests/clients/tls.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use gatehouse_test_tls::{Authority, ServerFiles};

use crate::support::{
    Acme, Ended, Process, Server, Site, blocks, commands, gatehouse, run, section, shell,
    shell_alone, until,
};

const MANUAL: &str = include_str!("../../../../docs/operations.md");
/// As the manual has it, for a server with TLS that is not there.
const DATABASE_URL: &str = "postgres://gatehouse:…@db.example.com/gatehouse?sslmode=verify-full\
    &sslrootcert=/etc/gatehouse/postgres-ca.pem";

/// PostgreSQL's newest programs: newer than the server they may be, older not.
const NEWEST: &str = "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH\n";

/// Types `script`, all of which succeeds.
fn types(site: &Site, script: &str) -> Ended {
    let ended = run(shell_alone(site, "-eu", script));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_serve_over_one_database_and_one_ring() {
    let site = Site::postgres().await;
    let folder = site.folder().to_str().unwrap();
    let [block] = commands(MANUAL, Some("Several servers"))[..] else { panic!("one block") };
    let here = block
        .replace(&format!("'{DATABASE_URL}'"), "$GATEHOUSE_DATABASE_URL")
        .replace("/etc/gatehouse", folder)
        .replace("0.0.0.0:50051", "0.0.0.0:0")
        .replace("gatehouse serve", "exec gatehouse serve");
    fs::create_dir(site.folder().join("tls")).unwrap();
    let authority = Authority::new("servers");
    let mut files = ServerFiles::in_folder(&site.folder().join("tls"));
    files.certificate.set_file_name("fullchain.pem");
    files.key.set_file_name("privkey.pem");
    files.write(&authority.server());
    fs::write(site.folder().join("ca.pem"), authority.pem()).unwrap();

    let serve = || Server::of(Process::spawn(shell_alone(&site, "-eu", &here)));
    let servers = [serve(), serve()];
    let settings = here.split("exec").next().unwrap();
    let key = types(&site, &format!("{settings} gatehouse create-owner-key")).stdout;
    fs::write(site.folder().join("owner.key"), key).unwrap();
    for server in servers {
        let mut asked = gatehouse();
        asked
            .args(["admin", "portals", "list", "--ca-file", "ca.pem", "--key-file", "owner.key"])
            .arg(format!("--server=https://localhost:{}", server.address.port()))
            .current_dir(site.folder());
        let ended = run(asked);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[test]
fn the_doctor_is_asked_beside_a_server() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    let [block] = commands(MANUAL, Some("Looking for what is wrong"))[..] else { panic!("one") };
    let ended = run(shell(&site, &server, "-eu", block));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.lines().any(|line| line.starts_with("ok")), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_checked_exported_and_its_head_noted_elsewhere() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    Acme::set_up(&server, site.owner_key()).await;
    let audit = |command: &str| run(site.command(&["audit", command, "--log", "error"])).stdout;
    until(|| audit("verify").contains("without a number yet: 0\n"));
    let head = audit("head").trim_end().to_owned();
    let (last, _) = head.split_once(':').unwrap();
    let [checks, nightly] = commands(MANUAL, Some("The audit trail"))[..] else { panic!("two") };
    let here = checks.replace("48211:9f3c…", &head).replace("48211", last).replace("48000", "1");
    let ended = types(&site, &here);
    assert_eq!(ended.stdout.matches("findings: 0\n").count(), 3, "{}", ended.stdout);
    let exported = fs::read_to_string(site.folder().join("events.jsonl")).unwrap();
    assert_eq!(exported.lines().count().to_string(), last);

    // The other machine is a folder of its own.
    let [tools, elsewhere] = ["tools", "notes"].map(|name| site.folder().join(name));
    for folder in [&tools, &elsewhere] {
        fs::create_dir(folder).unwrap();
    }
    let ssh = "#!/bin/sh\ncd \"$1\" && shift && exec sh -c \"$*\"\n";
    fs::write(tools.join("ssh"), ssh).unwrap();
    fs::set_permissions(tools.join("ssh"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(elsewhere.join("gatehouse-heads"), format!("{head}\n")).unwrap();
    let by_day = types(&site, &format!("PATH={}:$PATH\n{nightly}", tools.display()));
    assert!(by_day.stdout.contains("findings: 0\n"), "{}", by_day.stdout);
    let noted = fs::read_to_string(elsewhere.join("gatehouse-heads")).unwrap();
    assert_eq!(noted, format!("{head}\n{head}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_backed_up_and_restored() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    let owner = site.owner_key();
    let acme = Acme::set_up(&server, owner).await;
    let block = |fence| block(fence).replace("gatehouse-data", "data");
    types(&site, &block("sh backup-sqlite"));
    acme.web(&server).sign_in().await;
    server.process.kill();
    let ended = types(&site, &block("sh restore-sqlite"));
    assert!(ended.stdout.starts_with("ended: 0 sessions, 0 sign-ins"), "{}", ended.stdout);
    assert!(site.folder().join("aside/gatehouse.db-wal").exists(), "it was killed");
    let server = site.serve(&[]);
    acme.web(&server).sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_backed_up_and_restored() {
    let site = Site::postgres().await;
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    types(&site, &format!("{NEWEST}{}", block("sh backup-postgres")));
    server.process.kill();
    let name = format!("{}_2", site.postgres_database());
    let url = site.url_of_postgres(&name);
    let script = block("sh restore-postgres").replace("gatehouse2", &name);
    let ended = types(&site, &format!("{NEWEST}URL_OF_THE_NEW_ONE='{url}'\n{script}"));
    assert!(ended.stdout.contains("\nended: 0 sessions"), "{}", ended.stdout);
    // Its ring is that of the site before.
    let ring = site.data_dir().join("keyring");
    let restored = Site::over(url);
    let server = restored.serve(&["--key-ring", ring.to_str().unwrap()]);
    acme.web(&server).sign_in().await;
}

/// The one block of the manual that has a name.
fn block(fence: &str) -> &'static str {
    let [block] = blocks(section(MANUAL, "Backup and restore"), fence)[..] else {
        panic!("one block: {fence}")
    };
    block
}
