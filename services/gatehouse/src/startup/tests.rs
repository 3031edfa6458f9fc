use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_test_postgres::TestPostgres;
use tempfile::TempDir;

use super::*;
use crate::config::{LogFormat, LogSettings};
use crate::hasher::HasherConfig;

fn settings(folder: &Path) -> Settings {
    let data_dir = folder.join("data");
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: None,
        allow_plaintext: false,
        metrics_listen: None,
        traces: None,
        database: DatabaseLocation::Sqlite(data_dir.join("gatehouse.db")),
        database_connections: 2,
        key_ring: data_dir.join("keyring"),
        data_dir,
        log: LogSettings { filter: String::new(), format: LogFormat::Text },
        reflection: true,
        envoy_authorization: false,
        hasher: HasherConfig::default(),
        max_in_flight: 1,
        audit_retention: None,
        audit_unkeyed_until: 0,
    }
}

/// A server's state over a database of its own, which goes with it.
pub(crate) struct TestApp {
    /// The state.
    pub(crate) app: Arc<App>,
    _folder: TempDir,
}

impl TestApp {
    /// Over an empty database.
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = open(&settings(folder.path())).await.unwrap();
        Self { app: Arc::new(app), _folder: folder }
    }
}

/// A folder with a database that has been in use, and its settings.
async fn used() -> (TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    open(&settings).await.unwrap();
    (folder, settings)
}

/// The text of a ring with one key, of an id that no ring made here has.
fn ring(key: char) -> String {
    format!("primary fffffff0 {}A", String::from(key).repeat(42))
}

#[tokio::test]
async fn the_first_start_makes_what_the_next_one_finds() {
    let (_folder, settings) = used().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&settings.data_dir), 0o700);
    assert_eq!(mode(&settings.key_ring), 0o600);

    let ring = fs::read_to_string(&settings.key_ring).unwrap();
    open(&settings).await.unwrap();
    assert_eq!(fs::read_to_string(&settings.key_ring).unwrap(), ring);
}

#[tokio::test]
async fn what_is_made_in_an_open_folder_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    fs::create_dir(&settings.data_dir).unwrap();
    fs::set_permissions(&settings.data_dir, fs::Permissions::from_mode(0o755)).unwrap();
    let _app = open(&settings).await.unwrap();
    for file in ["gatehouse.db", "gatehouse.db-wal", "gatehouse.db-shm", "keyring"] {
        let mode = fs::metadata(settings.data_dir.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn no_ring_is_made_for_a_database_in_use() {
    let (_folder, settings) = used().await;
    fs::remove_file(&settings.key_ring).unwrap();
    let refusal = open(&settings).await.map(drop).unwrap_err();
    assert!(matches!(refusal, StartupError::KeyRingMissing { .. }), "{refusal}");
    assert!(!settings.key_ring.exists());
}

#[tokio::test]
async fn a_ring_with_other_keys_is_refused() {
    let (_folder, settings) = used().await;
    let own = fs::read_to_string(&settings.key_ring).unwrap();
    fs::write(&settings.key_ring, ring('A')).unwrap();
    let refusal = open(&settings).await.map(drop).unwrap_err();
    assert!(matches!(refusal, StartupError::KeyRingForeign { .. }), "{refusal}");

    fs::write(&settings.key_ring, own).unwrap();
    open(&settings).await.unwrap();
}

#[tokio::test]
async fn a_ring_with_another_key_of_the_same_id_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    fs::create_dir(&settings.data_dir).unwrap();
    fs::write(&settings.key_ring, ring('A')).unwrap();
    open(&settings).await.unwrap();

    fs::write(&settings.key_ring, ring('B')).unwrap();
    let refusal = open(&settings).await.map(drop).unwrap_err();
    assert!(matches!(refusal, StartupError::KeyRingForeign { .. }), "{refusal}");
}

#[tokio::test]
async fn a_key_that_has_sealed_must_stay_in_the_ring() {
    let (_folder, settings) = used().await;
    let own = fs::read_to_string(&settings.key_ring).unwrap();
    let added = ring('A').replace("primary", "other");
    fs::write(&settings.key_ring, format!("{own}{added}")).unwrap();
    open(&settings).await.unwrap();
    fs::write(&settings.key_ring, &own).unwrap();
    open(&settings).await.unwrap();

    let demoted = own.replace("\nprimary", "\nother");
    fs::write(&settings.key_ring, format!("{demoted}{}", ring('A'))).unwrap();
    open(&settings).await.unwrap();
    fs::write(&settings.key_ring, own).unwrap();
    let refusal = open(&settings).await.map(drop).unwrap_err();
    assert!(matches!(refusal, StartupError::KeyRingForeign { .. }), "{refusal}");
}

#[tokio::test]
async fn a_file_that_is_no_ring_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    fs::create_dir(&settings.data_dir).unwrap();
    fs::write(&settings.key_ring, "primary hunter2").unwrap();
    let refusal = open(&settings).await.map(drop).unwrap_err();
    assert!(matches!(refusal, StartupError::KeyRing { .. }), "{refusal}");
    assert!(!format!("{refusal} {refusal:?}").contains("hunter2"));
    assert_eq!(fs::read_to_string(&settings.key_ring).unwrap(), "primary hunter2");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_share_one_ring() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let settings = settings.clone();
        starts.spawn(async move { open(&settings).await });
    }
    let mut apps = Vec::new();
    while let Some(app) = starts.join_next().await {
        apps.push(app.unwrap().unwrap());
    }
    let canaries = apps[0].store.read().key_canaries().await.unwrap();
    assert_eq!(canaries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_servers_with_rings_of_their_own_one_gets_the_empty_database() {
    let url = TestPostgres::create_database().await;
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        settings.database = url.parse().unwrap();
        starts.spawn(async move { (open(&settings).await, settings, folder) });
    }
    let mut winners = Vec::new();
    while let Some(start) = starts.join_next().await {
        match start.unwrap() {
            (Ok(_), settings, folder) => winners.push((settings, folder)),
            (Err(refusal), ..) => {
                let foreign = matches!(refusal, StartupError::KeyRingForeign { .. });
                let missing = matches!(refusal, StartupError::KeyRingMissing { .. });
                assert!(foreign || missing, "{refusal:?}");
            }
        }
    }
    assert_eq!(winners.len(), 1);
    open(&winners[0].0).await.unwrap();
}

#[tokio::test]
async fn what_retention_may_remove_without_a_key_is_what_the_settings_say() {
    let (_folder, settings) = used().await;
    assert!(open(&settings).await.unwrap().audit_retention.is_none());
    let keep = Duration::from_hours(24);
    let settings = Settings { audit_retention: Some(keep), audit_unkeyed_until: 7, ..settings };
    let retention = open(&settings).await.unwrap().audit_retention.unwrap();
    assert_eq!((retention.keep, retention.unkeyed_until), (keep, 7));
}
