//! Servers in trouble.

use std::process::Command;

use gatehouse::config::Settings;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::id::name;
use gatehouse_domain::vault::DigestKind;

use super::TestServer;

impl TestServer {
    /// A replica that has no place for anything that changes something.
    pub async fn overloaded(&self) -> Self {
        self.replica_with_places(0).await
    }

    /// A replica that has so many places for what changes something.
    pub async fn replica_with_places(&self, max_in_flight: usize) -> Self {
        self.replica_with(Settings { max_in_flight, ..self.settings.clone() }).await
    }

    /// Takes every table of a PostgreSQL away but the one that API keys are in.
    pub fn hide_tables(&self) {
        self.psql(
            "DO $$ DECLARE t text; BEGIN
               FOR t IN SELECT tablename FROM pg_tables
                         WHERE schemaname = 'public' AND tablename <> 'api_key'
               LOOP EXECUTE format('ALTER TABLE %I RENAME TO %I', t, 'hidden_' || t); END LOOP;
             END $$",
            &self.location,
        );
    }

    /// Takes the table that API keys are in away.
    pub fn hide_api_keys(&self) {
        self.psql("ALTER TABLE api_key RENAME TO hidden_api_key", &self.location);
    }

    /// Changes a PostgreSQL in ways that only its owner can.
    pub fn change_database(&self, sql: &str) {
        self.psql(sql, &self.location);
    }

    /// Takes a PostgreSQL away from all that are connected to it.
    pub fn lose_database(&self) {
        let (database, parameters) =
            self.location.strip_prefix("postgres:///").unwrap().split_once('?').unwrap();
        // One statement at a time: the first cannot be part of a transaction.
        for sql in [
            format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"),
            format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = '{database}'"
            ),
        ] {
            self.psql(&sql, &format!("postgres:///postgres?{parameters}"));
        }
    }

    fn psql(&self, sql: &str, database: &str) {
        assert!(self.is_on_postgres());
        let arguments = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql, database];
        let psql = Command::new("psql").args(arguments).output().unwrap();
        assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
    }

    /// Leaves as many of a customer's codes as are allowed with judges that are
    /// not done.
    pub async fn keep_judging(&self, customer: &str) {
        let key = name::parse_customer(customer).unwrap();
        let portal = self.app.store.read().portal(&key.portal).await.unwrap().unwrap();
        let tx = self.app.store.begin().await.unwrap();
        let seen = tx.lock_customer(&key).await.unwrap().unwrap();
        let mut codes = seen.codes;
        while let Ok(charged) = codes.charge(self.now(), &portal.settings.lockout) {
            codes = charged;
        }
        tx.update_customer(&seen, &Customer { codes, ..seen.clone() }).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The same of what a sign-in is setting up.
    pub async fn keep_judging_enrollment(&self, portal: &str, sign_in_token: &str) {
        let portal = name::parse_portal(portal).unwrap();
        let digests = self.app.vault().digests(DigestKind::SignIn, sign_in_token.as_bytes());
        let tx = self.app.store.begin().await.unwrap();
        let sign_in = tx.sign_in(&portal, &digests, self.now()).await.unwrap().unwrap();
        let found = tx.enrollment(Owner::SignIn(sign_in.id), self.now()).await.unwrap();
        let (enrollment, _) = found.unwrap();
        while tx.charge_enrollment(enrollment.id, self.now()).await.unwrap() {}
        tx.commit().await.unwrap();
    }
}
