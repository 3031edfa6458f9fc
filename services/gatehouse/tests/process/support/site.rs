//! What outlives a process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatehouse_test_postgres::TestPostgres;
use memchr::memmem;
use tempfile::TempDir;

use super::{Process, Server, gatehouse, run};

/// A data folder and a database, which any number of processes use one after the
/// other or at once. Neither is there before the first of them.
pub struct Site {
    folder: TempDir,
    /// Of PostgreSQL; else the database is in the data folder.
    database_url: Option<String>,
}

impl Site {
    pub fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database_url: None }
    }

    pub async fn postgres() -> Self {
        Self::over(TestPostgres::create_database().await)
    }

    /// With its database on a PostgreSQL.
    pub fn over(database_url: String) -> Self {
        Self { database_url: Some(database_url), ..Self::sqlite() }
    }

    /// The folder around the data folder, for files that a test makes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The program with this data, to serve on a free port if it does.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.with_settings(gatehouse());
        command.args(arguments).env("GATEHOUSE_LISTEN", "127.0.0.1:0");
        command
    }

    /// Another program in the folder around the data, with the same settings.
    pub fn as_operator(&self, program: &str) -> Command {
        self.with_settings(Command::new(program))
    }

    fn with_settings(&self, mut command: Command) -> Command {
        command.current_dir(self.folder()).env("GATEHOUSE_DATA_DIR", self.data_dir());
        if let Some(url) = &self.database_url {
            command.env("GATEHOUSE_DATABASE_URL", url);
        }
        command
    }

    /// A server over this data, once it serves.
    pub fn serve(&self, flags: &[&str]) -> Server {
        Server::of(Process::spawn(self.command(&[&["serve"], flags].concat())))
    }

    /// Makes an owner's key.
    pub fn owner_key(&self) -> String {
        let made = run(self.command(&["create-owner-key"]));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        made.stdout.trim_end().to_owned()
    }

    /// Makes an owner's key and keeps it in `owner.key` of the folder, as the guide does: for its
    /// owner alone.
    pub fn keep_owner_key(&self) -> String {
        let key = self.owner_key();
        let file = self.folder().join("owner.key");
        fs::write(&file, format!("{key}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        key
    }

    /// All that is stored: the files of the data folder but the key ring, and
    /// what pg_dump makes of PostgreSQL.
    pub fn dump(&self) -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(self.data_dir()).unwrap().map(|entry| entry.unwrap());
        let mut dump: Vec<_> = files
            .filter(|file| file.file_name() != "keyring")
            .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
            .collect();
        if let Some(url) = &self.database_url {
            dump.push(("pg_dump".to_owned(), pg_dump(url, "plain")));
        }
        dump
    }

    /// Runs `sql` on PostgreSQL; gives what it selects, without headings.
    pub fn sql(&self, sql: &str) -> String {
        psql(sql, self.database_url.as_ref().unwrap())
    }

    /// Lets nobody connect to PostgreSQL's database, and ends who is connected; or lets
    /// them again.
    pub fn allow_connections(&self, allowed: bool) {
        let database = self.postgres_database();
        self.sql_elsewhere(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {allowed}"));
        if !allowed {
            self.end_connections();
        }
    }

    /// Gives a setting of PostgreSQL to all who connect to the database from now on,
    /// which is everybody: who is connected has to do so again.
    pub fn set_for_new_connections(&self, setting: &str, value: &str) {
        let database = self.postgres_database();
        self.sql_elsewhere(&format!("ALTER DATABASE {database} SET {setting} = {value}"));
        self.end_connections();
    }

    fn end_connections(&self) {
        let database = self.postgres_database();
        self.sql_elsewhere(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        ));
    }

    /// Runs `sql` beside the database, not in it.
    fn sql_elsewhere(&self, sql: &str) {
        psql(sql, &self.url_of_postgres("postgres"));
    }

    /// The URL of another database of the same PostgreSQL.
    pub fn url_of_postgres(&self, name: &str) -> String {
        let url = self.database_url.as_ref().unwrap();
        url.replace(&format!("/{}?", self.postgres_database()), &format!("/{name}?"))
    }

    /// The name of PostgreSQL's database.
    pub fn postgres_database(&self) -> &str {
        let url = self.database_url.as_ref().unwrap();
        url.strip_prefix("postgres:///").unwrap().split_once('?').unwrap().0
    }

    /// Makes a backup of what is stored, beside any server.
    pub fn back_up(&self) -> PathBuf {
        let file = self.folder().join("backup");
        if let Some(url) = &self.database_url {
            fs::write(&file, pg_dump(url, "custom")).unwrap();
        } else {
            let ended = run(self.command(&["backup", file.to_str().unwrap()]));
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        }
        file
    }

    /// Puts a backup in the place of what is stored, while no server runs.
    pub fn restore(&self, backup: &Path) {
        if let Some(url) = &self.database_url {
            let database = self.postgres_database();
            self.sql_elsewhere(&format!("DROP DATABASE {database} WITH (FORCE)"));
            self.sql_elsewhere(&format!("CREATE DATABASE {database}"));
            let backup = backup.to_str().unwrap();
            newest("pg_restore", &["--exit-on-error", "-d", url, backup]);
            return;
        }
        for left in ["gatehouse.db-wal", "gatehouse.db-shm"] {
            // Left only by a server that was killed.
            let _ = fs::remove_file(self.data_dir().join(left));
        }
        fs::copy(backup, self.data_dir().join("gatehouse.db")).unwrap();
    }

    /// Whether `bytes` stand anywhere in what is stored.
    pub fn stores(&self, bytes: &[u8]) -> bool {
        self.dump().iter().any(|(_, content)| memmem::find(content, bytes).is_some())
    }
}

fn psql(sql: &str, url: &str) -> String {
    let arguments = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, url];
    let ran = Command::new("psql").args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn pg_dump(url: &str, format: &str) -> Vec<u8> {
    newest("pg_dump", &["--format", format, "--dbname", url])
}

/// Runs one of PostgreSQL's programs; gives what it prints.
fn newest(program: &str, arguments: &[&str]) -> Vec<u8> {
    // Newer than the server it may be, older not.
    let script = "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH
                  exec \"$0\" \"$@\"";
    let ran = Command::new("sh").args(["-c", script, program]).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}
