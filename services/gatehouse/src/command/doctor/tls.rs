//! TLS: the files, whether they go together, and when they end.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;

use super::{Finding, line_of, unknown};
use crate::clock::Clock;
use crate::command::counted;
use crate::config::{Settings, TlsSettings};
use crate::tls;
use crate::tls::pem::{self, Facts, date};

const CHECK: &str = "tls";
const CLIENTS: &str = "client ca";
const DAY: Duration = Duration::from_hours(24);
/// Before the end: what renews certificates by itself does so earlier.
const SOON: Duration = Duration::from_hours(30 * 24);
const VERY_SOON: Duration = Duration::from_hours(7 * 24);

pub(super) async fn examine(settings: &Settings, clock: &Clock) -> Vec<Finding> {
    let Some(files) = &settings.tls else { return vec![without(settings)] };
    if let Err(error) = tls::check(files, clock).await {
        let cure = "give tls_certificate and tls_key a pair, in PEM form; a running server goes \
                    on with the one that it has";
        return vec![Finding::error(CHECK, line_of(&error), cure)];
    }
    let mut findings = match pem::facts("tls_certificate", &files.certificate) {
        Ok(chain) => of_chain(files, &chain, clock.now()),
        Err(error) => vec![unknown(CHECK, &error)],
    };
    let then = "; if anybody may have read it, get a new pair";
    findings.extend(super::files::open_to_all(CHECK, &files.key, then));
    if let Some(path) = &files.client_ca {
        findings.push(match pem::facts("tls_client_ca", path) {
            Ok(authorities) => of_authorities(&authorities, clock.now()),
            Err(error) => unknown(CLIENTS, &error),
        });
    }
    findings
}

fn without(settings: &Settings) -> Finding {
    let listen = settings.listen;
    if !settings.is_plaintext_for_others() {
        return Finding::ok(CHECK, format!("none, and only this machine reaches {listen}"));
    }
    let found = format!("listen: {listen} can be reached from other machines, and there is no TLS");
    let cure = "give tls_certificate and tls_key";
    if settings.allow_plaintext {
        let cure = format!("{cure}, unless all between here and the proxy is yours");
        Finding::warning(CHECK, format!("{found}, as allow_plaintext asks for"), cure)
    } else {
        let cure = format!("{cure}, or allow_plaintext behind a proxy on a private network");
        Finding::error(CHECK, format!("{found}: a server does not start"), cure)
    }
}

fn of_chain(files: &TlsSettings, chain: &[Facts], now: Timestamp) -> Vec<Finding> {
    let Some(leaf) = chain.first() else { return Vec::new() };
    let shown = files.certificate.display();
    let mut findings = Vec::new();
    // Clients refuse it with any of them.
    let ends = chain.iter().map(|certificate| certificate.not_after).min();
    let ends = ends.unwrap_or(leaf.not_after);
    let names = leaf.names.join(", ");
    let found = format!("{shown}, for {names}, {}", until(ends, now));
    let renew = "renew it in the place of the old one; a running server takes it within seconds";
    findings.push(if leaf.names.is_empty() {
        Finding::error(
            CHECK,
            format!("{shown} is for no name: every client refuses it"),
            "get one with the server's names as its subjectAltName",
        )
    } else if leaf.not_before > now {
        Finding::error(
            CHECK,
            format!("{shown} begins at {}", date(leaf.not_before)),
            "look at this machine's clock, or use the one before until then",
        )
    } else if ends < now + VERY_SOON {
        Finding::error(CHECK, found, renew)
    } else if ends < now + SOON {
        Finding::warning(CHECK, found, renew)
    } else {
        Finding::ok(CHECK, found)
    });
    if !leaf.is_for_servers {
        findings.push(Finding::error(
            CHECK,
            format!("{shown} is not for a server: clients refuse it"),
            "get one with serverAuth among its extended key usages, or with none",
        ));
    }
    if leaf.is_ca {
        findings.push(Finding::warning(
            CHECK,
            format!("{shown} is a CA's: some clients, gatehouse's own among them, refuse it"),
            "get one with CA:FALSE (docs/operations.md, TLS)",
        ));
    }
    let is_in_order = chain.windows(2).all(|pair| match pair {
        [one, next] => one.issuer == next.subject,
        _ => true,
    });
    if !is_in_order {
        findings.push(Finding::warning(
            CHECK,
            format!("in {shown} a certificate is not followed by that of its CA"),
            "put the server's first, and after each the one that it comes from",
        ));
    }
    findings
}

fn of_authorities(authorities: &[Facts], now: Timestamp) -> Finding {
    let ended = authorities.iter().filter(|ca| ca.not_after < now + SOON);
    let found = format!("CAs of clients: {}", authorities.len());
    match ended.min_by_key(|ca| ca.not_after) {
        None => Finding::ok(CLIENTS, found),
        Some(ca) => {
            let found = format!("{found}; {} {}", ca.subject, until(ca.not_after, now));
            let cure = "add its successor to the file of tls_client_ca, and give clients new \
                        certificates";
            if ca.not_after < now + VERY_SOON {
                Finding::error(CLIENTS, found, cure)
            } else {
                Finding::warning(CLIENTS, found, cure)
            }
        }
    }
}

/// When a certificate ends, or that it has.
fn until(end: Timestamp, now: Timestamp) -> String {
    if end < now {
        return format!("ended at {}", date(end));
    }
    let days = counted(end.since(now).as_secs() / DAY.as_secs(), "day");
    format!("ends in {days}, at {}", date(end))
}
