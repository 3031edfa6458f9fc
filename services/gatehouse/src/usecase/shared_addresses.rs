//! Portals that seem to pass their proxy's address as that of every customer.

use std::collections::BTreeMap;

use gatehouse_domain::id::PortalId;
use gatehouse_domain::shared_address::{RecentSources, looks_shared};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{Store, StoreError};

/// The last customers of a portal, and how many of them came from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedAddress {
    /// How many were looked at, 64 at most.
    pub customers: u64,
    /// How many of them had the address that most had.
    pub of_one: u64,
}

/// Those portals, by the newest sessions that are live at `now`.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    store: &Store,
    now: Timestamp,
) -> Result<BTreeMap<PortalId, SharedAddress>, StoreError> {
    let mut portals = BTreeMap::<_, RecentSources>::new();
    for (portal, customer, client) in store.read().session_clients(now).await? {
        if let Some(source) = client.source() {
            portals.entry(portal).or_default().note(&customer, source);
        }
    }
    let shared = portals.into_iter().filter_map(|(portal, sources)| {
        let (customers, of_one) = sources.counts();
        looks_shared(customers, of_one).then_some((portal, SharedAddress { customers, of_one }))
    });
    Ok(shared.collect())
}
