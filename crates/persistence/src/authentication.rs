//! Who calls, and about which session: many calls by one statement.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock};

use gatehouse_domain::api_key::ApiKey;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::Session;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Statement};
use uuid::Uuid;

use crate::entity::{api_key, portal, session};
use crate::error::Result;
use crate::joined::{columns, parameters};
use crate::store::{Queries, corrupt};
use crate::{api_keys, portals, row, sessions};

/// What a call presents, each as its digests under every key of the ring.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Its API key.
    pub key: Vec<Digest>,
    /// The token of the session that it asks about; empty where it names none.
    pub session: Vec<Digest>,
}

/// The API key of a call, live or not, and what goes with it.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The key.
    pub key: Arc<ApiKey>,
    /// The portal of a portal's key, if it is there.
    pub portal: Option<Arc<Portal>>,
    /// The session of that portal whose token was presented, live or not.
    pub session: Option<HeldSession>,
}

/// A session, and what an answer says of whose it is.
#[derive(Clone, Debug)]
pub struct HeldSession {
    /// The session.
    pub session: Session,
    /// The customer's address.
    pub email: String,
    /// The customer's name, for people.
    pub display_name: String,
    /// Since when the customer's factor in force is that, if there is one.
    pub factor_enabled_at: Option<Timestamp>,
}

impl<C: ConnectionTrait> Queries<C> {
    /// What is known of each call, in their order, read by one statement.
    ///
    /// # Errors
    /// [`crate::StoreError`]: for all of them, or for those alone that ask for a corrupt
    /// row.
    pub async fn authenticate(
        &self,
        calls: &[Presented],
    ) -> Result<Vec<Result<Option<Authenticated>>>> {
        let keys = digests(calls, |call| &call.key);
        if keys.is_empty() {
            // No database takes an empty list.
            return Ok(calls.iter().map(|_| Ok(None)).collect());
        }
        let sessions = digests(calls, |call| &call.session);
        let sql = sql(keys.len(), sessions.len());
        let values = sessions.iter().chain(&keys).map(|digest| digest.to_vec().into());
        let statement = Statement::from_sql_and_values(self.0.get_database_backend(), sql, values);
        let mut found = Found::default();
        for row in self.0.query_all_raw(statement).await? {
            found.add(&row, !sessions.is_empty())?;
        }
        Ok(calls.iter().map(|call| found.get(call)).collect())
    }
}

/// The different digests of all calls, as many as a power of two by repeating the last:
/// a database prepares a statement for each length of its lists.
fn digests<'a>(
    calls: &'a [Presented],
    which: impl Fn(&'a Presented) -> &'a Vec<Digest>,
) -> Vec<&'a [u8]> {
    let mut all: Vec<_> = calls.iter().flat_map(which).map(Digest::as_bytes).collect();
    all.sort_unstable();
    all.dedup();
    if let Some(last) = all.last().copied() {
        all.resize(all.len().next_power_of_two(), last);
    }
    all
}

/// What tells the columns of keys and portals from those of sessions.
const KEY: &str = "k_";
const PORTAL: &str = "p_";

static SELECT_KEY: LazyLock<String> = LazyLock::new(|| {
    let keys = columns::<api_key::Entity>("k", KEY);
    format!("SELECT {keys}, {}", columns::<portal::Entity>("p", PORTAL))
});

static SELECT_SESSION: LazyLock<String> = LazyLock::new(|| {
    format!("{}, c.email, c.display_name, f.enabled_at", columns::<session::Entity>("s", ""))
});

/// For so many digests of sessions, the first parameters, and of keys, the last ones.
fn sql(keys: usize, sessions: usize) -> String {
    let select_key = &*SELECT_KEY;
    let from = "FROM api_key k LEFT JOIN portal p ON p.id = k.portal_id";
    let these = format!("WHERE k.digest IN ({})", parameters(sessions + 1, keys));
    if sessions == 0 {
        return format!("{select_key} {from} {these}");
    }
    // The portal is compared so that no index is used for it: where statistics are missing,
    // a database may take all its sessions for fewer than the digests.
    format!(
        "{select_key}, {} {from}
         LEFT JOIN session s ON s.token_digest IN ({}) AND s.portal_id || '' = k.portal_id
         LEFT JOIN customer c ON c.portal_id = s.portal_id AND c.id = s.customer_id
         LEFT JOIN factor f ON f.portal_id = s.portal_id AND f.customer_id = s.customer_id {these}",
        *SELECT_SESSION,
        parameters(1, sessions),
    )
}

/// What a statement found; what could not be decoded, by the id of its row.
#[derive(Default)]
struct Found {
    keys: HashMap<Vec<u8>, Decoded<Arc<ApiKey>>>,
    portals: HashMap<String, Decoded<Arc<Portal>>>,
    sessions: HashMap<Vec<u8>, Decoded<HeldSession>>,
}

type Decoded<T> = std::result::Result<T, String>;

impl Found {
    /// Adds a key with its portal, and a session, where the row has one.
    fn add(&mut self, row: &QueryResult, with_session: bool) -> std::result::Result<(), DbErr> {
        let digest = row.try_get::<Vec<u8>>(KEY, "digest")?;
        if let Entry::Vacant(new) = self.keys.entry(digest) {
            let model = api_key::Model::from_query_result(row, KEY)?;
            let id = model.id.to_string();
            new.insert(api_keys::try_decode(model).map(Arc::new).ok_or(id));
            if let Some(model) = portal::Model::from_query_result_optional(row, PORTAL)? {
                let id = model.id.clone();
                let decoded = portals::try_decode(model).map(Arc::new);
                self.portals.insert(id.clone(), decoded.ok_or(id));
            }
        }
        if with_session && let Some(id) = row.try_get::<Option<Uuid>>("", "id")? {
            let digest = row.try_get("", "token_digest")?;
            self.sessions.insert(digest, held_session(row).ok_or_else(|| id.to_string()));
        }
        Ok(())
    }

    fn get(&self, call: &Presented) -> Result<Option<Authenticated>> {
        let Some(key) = find(&self.keys, &call.key) else { return Ok(None) };
        let key = key.map_err(|id| corrupt("api_key", id))?;
        let portal = key.grant.portal().and_then(|id| self.portals.get(id.as_str()));
        let portal = portal.map(Decoded::as_ref).transpose().map_err(|id| corrupt("portal", id))?;
        let held = find(&self.sessions, &call.session).transpose();
        let held = held.map_err(|id| corrupt("session", id))?;
        // Another call's key may be for the session's portal.
        let held = held.filter(|held| Some(&held.session.customer.portal) == key.grant.portal());
        Ok(Some(Authenticated {
            key: Arc::clone(key),
            portal: portal.cloned(),
            session: held.cloned(),
        }))
    }
}

/// None for a row that no version of gatehouse writes, be it of other types: nothing of it
/// may fail the other calls.
fn held_session(row: &QueryResult) -> Option<HeldSession> {
    let model = session::Model::from_query_result(row, "").ok()?;
    Some(HeldSession {
        session: sessions::try_decode(model)?,
        email: row.try_get("", "email").ok()?,
        display_name: row.try_get("", "display_name").ok()?,
        factor_enabled_at: row::times(row.try_get("", "enabled_at").ok()?),
    })
}

fn find<'a, T>(
    rows: &'a HashMap<Vec<u8>, Decoded<T>>,
    digests: &[Digest],
) -> Option<std::result::Result<&'a T, &'a String>> {
    digests.iter().find_map(|digest| rows.get(digest.as_bytes())).map(Decoded::as_ref)
}
