//! The key ring: its file, and whether it is the one of this database.

use std::path::Path;
use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{KeyRing, Vault};
use gatehouse_persistence::{Canary, Store};

use super::{Finding, files, line_of, unknown};
use crate::command::counted;
use crate::config::Settings;
use crate::startup::file;
use crate::usecase::keys::GONE_AFTER;

const CHECK: &str = "key ring";
const DAY: Duration = Duration::from_hours(24);
/// For what a symmetric key that encrypts data may be used to encrypt at most: NIST SP 800-57
/// part 1 revision 5, section 5.3.6, table 1.
const MAX_AGE: Duration = Duration::from_hours(2 * 365 * 24);

pub(super) async fn examine(
    settings: &Settings,
    store: Option<&Store>,
    now: Timestamp,
) -> Vec<Finding> {
    let path = settings.key_ring.as_path();
    let canaries = match store {
        Some(store) => match store.read().key_canaries().await {
            Ok(canaries) => canaries,
            Err(error) => return vec![unknown(CHECK, &error)],
        },
        None => Vec::new(),
    };
    let mut findings = Vec::new();
    let Some(vault) = read(path, !canaries.is_empty(), &mut findings) else { return findings };
    for canary in &canaries {
        findings.extend(of_canary(path, &vault, canary, store, now).await);
    }
    if findings.is_empty() {
        findings.push(of_primary(path, &vault, &canaries, now));
    }
    if let Some(store) = store {
        findings.extend(of_servers(&vault, store, now).await);
    }
    findings
}

fn read(path: &Path, is_used: bool, findings: &mut Vec<Finding>) -> Option<Vault> {
    let shown = path.display();
    let text = match file::read(path) {
        Ok(Some(text)) => text,
        Ok(None) if is_used => {
            findings.push(Finding::error(
                CHECK,
                format!("{shown} is not there, and the database is in use"),
                "put it back from its copy, or name its place with key_ring; without it nothing \
                 that is sealed can be read",
            ));
            return None;
        }
        Ok(None) => {
            findings.push(Finding::warning(
                CHECK,
                format!("{shown} is not there: the first start makes it for an empty database"),
                "copy the ring of the other servers there, if there are any",
            ));
            return None;
        }
        Err(error) => {
            let cure = "let the user read it that gatehouse runs as, and nobody else";
            let found = format!("{shown} cannot be read: {error}");
            findings.push(Finding::error(CHECK, found, cure));
            return None;
        }
    };
    findings.extend(files::open_to_all(CHECK, path, "; if anybody may have read it, rotate it"));
    match text.parse::<KeyRing>() {
        Ok(ring) => Some(Vault::new(&ring)),
        Err(error) => {
            let found = format!("{shown} is no key ring: {}", line_of(&error));
            findings.push(Finding::error(CHECK, found, "put back its copy"));
            None
        }
    }
}

/// What is wrong about a key that the database knows.
async fn of_canary(
    path: &Path,
    vault: &Vault,
    canary: &Canary,
    store: Option<&Store>,
    now: Timestamp,
) -> Option<Finding> {
    let (key, shown) = (canary.key, path.display());
    if vault.key_ids().any(|id| id == key) {
        if let Err(error) = vault.check_canary(key, &canary.sealed) {
            return Some(Finding::error(
                CHECK,
                format!("{shown} is the ring of another database: {}", line_of(&error)),
                "put back the ring of this one: all servers of one database share one",
            ));
        }
        if canary.retired_at.is_some() && key == vault.primary() {
            return Some(Finding::error(
                CHECK,
                format!("the primary key {key} of {shown} has been retired"),
                "copy the ring of the other servers here",
            ));
        }
        return None;
    }
    if !canary.is_needed() {
        return None;
    }
    let needed = match store?.key_use(key, now).await {
        Ok(needed) => needed,
        Err(error) => return Some(unknown(CHECK, &error)),
    };
    Some(Finding::error(
        CHECK,
        format!(
            "{shown} lacks the key {key}, which {} sealed values, {} API keys and {} sessions and \
             others need",
            needed.sealed, needed.api_keys, needed.passing
        ),
        "copy the ring of the other servers here, or put back its copy",
    ))
}

/// Since when the primary key seals.
fn of_primary(path: &Path, vault: &Vault, canaries: &[Canary], now: Timestamp) -> Finding {
    let (primary, shown) = (vault.primary(), path.display());
    let keys = vault.key_ids().count();
    let canary = canaries.iter().find(|canary| canary.key == primary);
    let Some(since) = canary.and_then(|canary| canary.sealing_since) else {
        return Finding::ok(CHECK, format!("{shown}, keys: {keys}; {primary} has not sealed yet"));
    };
    let age = now.since(since);
    let days = counted(age.as_secs() / DAY.as_secs(), "day");
    let found = format!("{shown}, keys: {keys}; {primary} has sealed for {days}");
    if age > MAX_AGE {
        let cure = "rotate it: docs/operations.md, Rotating the key ring";
        Finding::warning(CHECK, found, cure)
    } else {
        Finding::ok(CHECK, found)
    }
}

/// Whether every running server opens what this ring seals.
async fn of_servers(vault: &Vault, store: &Store, now: Timestamp) -> Option<Finding> {
    let servers = match store.read().servers(now - GONE_AFTER).await {
        Ok(servers) => servers,
        Err(error) => return Some(unknown(CHECK, &error)),
    };
    let primary = vault.primary();
    let without = servers.iter().filter(|server| !server.keys.contains(&primary)).count();
    (without > 0).then(|| {
        Finding::warning(
            CHECK,
            format!("{without} of {} running servers lack the key {primary}", servers.len()),
            "copy this ring to every server",
        )
    })
}
