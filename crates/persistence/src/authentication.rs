//! Who calls, and about which session: many calls by one statement.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use gatehouse_domain::api_key::ApiKey;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::Session;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::{
    ConnectionTrait, DbErr, FromQueryResult, IdenStatic, Iterable, QueryResult, Statement,
    TryGetable,
};
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
    /// Whether the session's row is corrupt, of whichever portal it is: who may ask for it is
    /// told so by a look at it alone.
    pub session_is_corrupt: bool,
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
    /// [`crate::StoreError`]: for all of them, or for those alone whose key's row is corrupt, or
    /// their portal's.
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

/// What tells the columns of each table from those of the others. Those of sessions go by their
/// places, too.
const KEY: &str = "k_";
const PORTAL: &str = "p_";
const SESSION: &str = "s_";

/// Rows of keys.
static SELECT_KEYS: LazyLock<String> = LazyLock::new(|| {
    let (keys, portals) =
        (columns::<api_key::Entity>("k", KEY), columns::<portal::Entity>("p", PORTAL));
    format!("{keys}, {portals} FROM api_key k LEFT JOIN portal p ON p.id = k.portal_id")
});

/// Rows of sessions, with a place for each column of a key.
static SELECT_SESSIONS: LazyLock<String> = LazyLock::new(|| {
    let nothing = |prefix, column: &str| format!("NULL AS {prefix}{column}");
    let keys = api_key::Column::iter().map(|column| nothing(KEY, column.as_str()));
    let portals = portal::Column::iter().map(|column| nothing(PORTAL, column.as_str()));
    format!(
        "SELECT {}, c.email, c.display_name, f.enabled_at, {} FROM session s
         JOIN customer c ON c.portal_id = s.portal_id AND c.id = s.customer_id
         LEFT JOIN factor f ON f.portal_id = s.portal_id AND f.customer_id = s.customer_id",
        columns::<session::Entity>("s", SESSION),
        keys.chain(portals).collect::<Vec<_>>().join(", "),
    )
});

/// As many columns as come before those of keys.
static NO_SESSION: LazyLock<String> =
    LazyLock::new(|| "NULL, ".repeat(session::Column::iter().count() + OF_CUSTOMER));
const OF_CUSTOMER: usize = 3;

/// For so many digests of sessions, the first parameters, and of keys, the last ones.
fn sql(keys: usize, sessions: usize) -> String {
    let these_keys = format!("WHERE k.digest IN ({})", parameters(sessions + 1, keys));
    if sessions == 0 {
        return format!("SELECT {} {these_keys}", *SELECT_KEYS);
    }
    format!(
        "{} WHERE s.token_digest IN ({}) UNION ALL SELECT {}{} {these_keys}",
        *SELECT_SESSIONS,
        parameters(1, sessions),
        *NO_SESSION,
        *SELECT_KEYS,
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
    /// Adds a session, or a key with its portal. A row that no version of gatehouse writes
    /// fails whoever asks for it, be it of other types, and nobody else.
    fn add(&mut self, row: &QueryResult, may_be_session: bool) -> std::result::Result<(), DbErr> {
        if may_be_session && let Some(digest) = row.try_get(SESSION, "token_digest")? {
            self.sessions.insert(digest, held_session(row).ok_or_else(|| id(row, SESSION)));
            return Ok(());
        }
        let key = api_key::Model::from_query_result(row, KEY).ok();
        let key = key.and_then(api_keys::try_decode).map(Arc::new);
        self.keys.insert(row.try_get(KEY, "digest")?, key.ok_or_else(|| id(row, KEY)));
        if let Some(id) = row.try_get::<Option<String>>(PORTAL, "id")? {
            let portal = portal::Model::from_query_result(row, PORTAL).ok();
            let portal = portal.and_then(portals::try_decode).map(Arc::new);
            self.portals.insert(id.clone(), portal.ok_or(id));
        }
        Ok(())
    }

    fn get(&self, call: &Presented) -> Result<Option<Authenticated>> {
        let Some(key) = find(&self.keys, &call.key) else { return Ok(None) };
        let key = key.map_err(|id| corrupt("api_key", id))?;
        let portal = key.grant.portal().and_then(|id| self.portals.get(id.as_str()));
        let portal = portal.map(Decoded::as_ref).transpose().map_err(|id| corrupt("portal", id))?;
        let held = find(&self.sessions, &call.session);
        let session_is_corrupt = matches!(held, Some(Err(_)));
        // Another call's key may be for the session's portal.
        let held = held
            .and_then(std::result::Result::ok)
            .filter(|held| Some(&held.session.customer.portal) == key.grant.portal());
        Ok(Some(Authenticated {
            key: Arc::clone(key),
            portal: portal.cloned(),
            session: held.cloned(),
            session_is_corrupt,
        }))
    }
}

/// The id of a row that is corrupt, if that is not.
fn id(row: &QueryResult, prefix: &str) -> String {
    row.try_get::<Uuid>(prefix, "id").map_or_else(|_| "(unknown)".to_owned(), |id| id.to_string())
}

/// None for a row that no version of gatehouse writes.
fn held_session(row: &QueryResult) -> Option<HeldSession> {
    let mut columns = Columns { row, place: 0 };
    // In the order of the entity.
    let model = session::Model {
        portal_id: columns.next()?,
        customer_id: columns.next()?,
        id: columns.next()?,
        token_digest: columns.next()?,
        digest_key_id: columns.next()?,
        client_ip: columns.next()?,
        client_user_agent: columns.next()?,
        created_at: columns.next()?,
        last_used_at: columns.next()?,
        authenticated_at: columns.next()?,
        second_factor_at: columns.next()?,
        idle_limit: columns.next()?,
        absolute_limit: columns.next()?,
        ended_at: columns.next()?,
        end_reason: columns.next()?,
        expires_at: columns.next()?,
    };
    Some(HeldSession {
        session: sessions::try_decode(model)?,
        email: columns.next()?,
        display_name: columns.next()?,
        factor_enabled_at: row::times(columns.next()?),
    })
}

/// The columns of a row one after the other: by name they take as long again to find.
struct Columns<'a> {
    row: &'a QueryResult,
    place: usize,
}

impl Columns<'_> {
    fn next<T: TryGetable>(&mut self) -> Option<T> {
        let value = self.row.try_get_by_index(self.place).ok()?;
        self.place += 1;
        Some(value)
    }
}

fn find<'a, T>(
    rows: &'a HashMap<Vec<u8>, Decoded<T>>,
    digests: &[Digest],
) -> Option<std::result::Result<&'a T, &'a String>> {
    digests.iter().find_map(|digest| rows.get(digest.as_bytes())).map(Decoded::as_ref)
}
