//! Whether as many files may be open as connections need.

use gatehouse_persistence::DatabaseLocation;
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::config::Settings;
use crate::metrics::listener;
use crate::server::connections::MAX_CONNECTIONS;

const CHECK: &str = "open files";
/// Of a server beside its connections: settings, keys, the log, what its runtime waits by.
const OTHER_FILES: u64 = 64;
/// The database, its log and the memory that its readers share.
const FILES_OF_SQLITE: u64 = 3;

pub(super) fn examine(settings: &Settings) -> Finding {
    let each = match settings.database {
        DatabaseLocation::Sqlite(_) => FILES_OF_SQLITE,
        DatabaseLocation::Postgres(_) => 1,
    };
    // One more, by which it watches the database.
    let own = OTHER_FILES + each * (u64::from(settings.database_connections) + 1);
    let metrics = settings.metrics_listen.map_or(0, |_| listener::MAX_CONNECTIONS);
    let needed = own + u64::from(MAX_CONNECTIONS) + u64::from(metrics);
    // None where there is no limit.
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let found = format!(
        "{limit} may be open at once, and a server may need {needed}, {MAX_CONNECTIONS} of them for \
         clients"
    );
    let cure = "raise LimitNOFILE of the service, or the limit of the container or the shell (`ulimit \
                -n`)";
    if limit <= own {
        Finding::error(CHECK, found, cure)
    } else if limit < needed {
        Finding::warning(CHECK, found, cure)
    } else {
        Finding::ok(CHECK, found)
    }
}
