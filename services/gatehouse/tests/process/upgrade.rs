//! The version before and this one over one database, with calls going on. Its program
//! is named by `PREVIOUS_GATEHOUSE`; `tests/upgrade` builds it.

use std::env;
use std::process::Command;
use std::sync::{Arc, Mutex};

use gatehouse_api::v1;
use gatehouse_api::v1::generate_backup_codes_request::Credential;
use tokio::sync::watch;

use crate::support::{Acme, Process, Server, Site, Web, refused, run, session, until};

on_each_database! {
    #[ignore = "needs the program of the version before: tests/upgrade"]
    no_call_fails_while_servers_are_replaced,
}

/// A portal that goes on signing its customer in, each call on another of the servers
/// than the one before.
struct Load {
    webs: Mutex<Vec<Web>>,
    turn: Mutex<usize>,
    rounds: watch::Sender<usize>,
}

impl Load {
    fn web(&self) -> Web {
        let webs = self.webs.lock().unwrap();
        let mut turn = self.turn.lock().unwrap();
        *turn += 1;
        webs[*turn % webs.len()].clone()
    }

    /// Signs in by a backup code, makes new ones, and signs out, until nobody waits any
    /// more. Every single call has to succeed.
    async fn go_on(self: Arc<Self>, mut codes: Vec<String>) {
        while self.rounds.receiver_count() > 0 {
            let signed_in = self.web().sign_in_with_backup_code(&codes[0]).await.unwrap();
            let token = session(&signed_in);
            self.web().validate(&token).await.unwrap();
            let credential = Some(Credential::SessionToken(token.clone()));
            let request = v1::GenerateBackupCodesRequest { credential, client: None };
            let made = self.web().client().generate_backup_codes(request).await.unwrap();
            codes = made.into_inner().codes;
            let request = v1::SignOutRequest { session_token: token.clone(), ..Default::default() };
            self.web().client().sign_out(request).await.unwrap();
            refused(self.web().validate(&token).await);
            self.rounds.send_modify(|rounds| *rounds += 1);
        }
    }
}

fn previous(site: &Site, arguments: &[&str]) -> Command {
    let program = env::var_os("PREVIOUS_GATEHOUSE").expect("PREVIOUS_GATEHOUSE is a program");
    let this = site.command(arguments);
    let mut command = Command::new(program);
    command.args(this.get_args()).current_dir(site.folder());
    for (name, value) in this.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Both versions have numbered events, in turns. Where the one before has no keys for that, the
/// trail says up to where, and holds for whoever knows it.
fn assert_trail_holds(site: &Site) {
    until(|| {
        let ended = run(site.command(&["audit", "verify"]));
        ended.stdout.contains("\nwithout a number yet: 0\n")
    });
    let ended = run(site.command(&["audit", "verify"]));
    let unkeyed = ended.stdout.lines().find_map(|line| line.strip_prefix("without a key up to: "));
    let unkeyed = unkeyed.unwrap();
    assert_eq!(ended.code == Some(0), unkeyed == "0", "{}", ended.stdout);
    let ended = run(site.command(&["audit", "verify", "--unkeyed-until", unkeyed]));
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    println!("events without a key up to {unkeyed}");
}

async fn no_call_fails_while_servers_are_replaced(site: Site) {
    let before = Server::of(Process::spawn(previous(&site, &["serve"])));
    let owner = run(previous(&site, &["create-owner-key"])).stdout.trim_end().to_owned();
    let acme = Acme::set_up(&before, owner).await;
    let web = acme.web(&before);
    let ana = web.enroll(&web.sign_in().await.token).await;

    let (rounds, mut done) = watch::channel(0);
    let load = Arc::new(Load { webs: Mutex::new(vec![web]), turn: Mutex::new(0), rounds });
    let mut going = tokio::spawn(Arc::clone(&load).go_on(ana.backup_codes));
    let mut more = async |rounds: usize| {
        let enough = *done.borrow() + rounds;
        tokio::select! {
            _ = done.wait_for(|done| *done >= enough) => {}
            failed = &mut going => failed.unwrap(),
        }
    };
    more(5).await;
    // It migrates, while the one before goes on.
    let this = site.serve(&[]);
    load.webs.lock().unwrap().push(acme.web(&this));
    more(20).await;
    load.webs.lock().unwrap().remove(0);
    more(5).await;
    before.process.terminate();
    let ended = before.process.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    more(5).await;
    drop(done);
    going.await.unwrap();
    acme.web(&this).validate(&ana.session).await.unwrap();
    assert_trail_holds(&site);
    println!("{} sign-ins, none of which failed", *load.rounds.borrow());
}
