//! Whether a portal passes its proxy's address as that of every customer.

use std::collections::BTreeMap;

use gatehouse_domain::shared_address::{RecentSources, looks_shared};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Store;

use super::{Finding, unknown};

const CHECK: &str = "addresses";

pub(super) async fn examine(store: &Store, now: Timestamp) -> Vec<Finding> {
    let clients = match store.read().session_clients(now).await {
        Ok(clients) => clients,
        Err(error) => return vec![unknown(CHECK, &error)],
    };
    let mut portals = BTreeMap::<_, RecentSources>::new();
    for (portal, customer, client) in clients {
        if let Some(source) = client.source() {
            portals.entry(portal).or_default().note(&customer, source);
        }
    }
    let counted = portals.iter().map(|(portal, sources)| (portal, sources.counts()));
    let shared = counted.filter(|(_, (customers, of_one))| looks_shared(*customers, *of_one));
    let findings: Vec<_> = shared
        .map(|(portal, (customers, of_one))| {
            Finding::warning(
                CHECK,
                format!(
                    "of the last {customers} customers of the portal {portal} {of_one} signed in \
                     from one address: their wrong passwords slow down each other's sign-ins"
                ),
                "let its backend pass the browser's address in client.ip_address, not its own \
                 proxy's (docs/integrating.md), unless they are all in one office",
            )
        })
        .collect();
    if findings.is_empty() {
        return vec![Finding::ok(CHECK, "no portal passes one for all of its customers")];
    }
    findings
}
