//! What outlives a process.

use std::fs;
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
        Self { database_url: Some(TestPostgres::create_database().await), ..Self::sqlite() }
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
        let mut command = gatehouse();
        command
            .args(arguments)
            .current_dir(self.folder())
            .env("GATEHOUSE_DATA_DIR", self.data_dir())
            .env("GATEHOUSE_LISTEN", "127.0.0.1:0");
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

    /// All that is stored: the files of the data folder but the key ring, and
    /// what pg_dump makes of PostgreSQL.
    pub fn dump(&self) -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(self.data_dir()).unwrap().map(|entry| entry.unwrap());
        let mut dump: Vec<_> = files
            .filter(|file| file.file_name() != "keyring")
            .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
            .collect();
        if let Some(url) = &self.database_url {
            dump.push(("pg_dump".to_owned(), pg_dump(url)));
        }
        dump
    }

    /// Runs `sql` on PostgreSQL; gives what it selects, without headings.
    pub fn sql(&self, sql: &str) -> String {
        let url = self.database_url.as_ref().unwrap();
        let ran = Command::new("psql").args(["-XAtq", "-c", sql, url]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Whether `bytes` stand anywhere in what is stored.
    pub fn stores(&self, bytes: &[u8]) -> bool {
        self.dump().iter().any(|(_, content)| memmem::find(content, bytes).is_some())
    }
}

fn pg_dump(url: &str) -> Vec<u8> {
    // Newer than the server it may be, older not.
    let script = "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH
                  exec pg_dump --dbname=\"$0\"";
    let dumped = Command::new("sh").args(["-c", script, url]).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    dumped.stdout
}
