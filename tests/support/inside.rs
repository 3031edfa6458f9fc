//! What a server keeps and no call shows.

use std::time::Duration;

use gatehouse::usecase::housekeeping;
use gatehouse_domain::backup_code::CODES_PER_SET;
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::{Enrollment, Owner};
use gatehouse_domain::id::{CustomerKey, SessionId, name};
use gatehouse_domain::session::{Limits, Session};
use gatehouse_domain::throttle::{
    ADDRESS, ADDRESS_AND_SOURCE, INVITATION_REQUEST, Rule, SOURCE, Subject,
};
use gatehouse_domain::vault::{Context, DigestKind, Token, TokenKind};
use gatehouse_persistence::{Faults, SealedPassword, StoredBackupCode};

use super::{TestServer, client};

/// Longer than anything of use to nobody is kept, but for sources of sign-ins.
const LONG: Duration = Duration::from_hours(14 * 24);

/// Tries that are counted, and what each is counted for.
pub type Tries = [(&'static str, u32); 4];

impl TestServer {
    /// What happens to statements of this server.
    pub fn faults(&self) -> &Faults {
        self.app.store.faults()
    }

    /// A customer with generation, revisions and code budget.
    pub async fn kept_customer(&self, customer: &str) -> Option<Customer> {
        let key = name::parse_customer(customer).unwrap();
        self.app.store.read().customer(&key).await.unwrap()
    }

    /// What the sign-in or session with this token is setting up.
    pub async fn kept_enrollment(&self, portal: &str, token: &str) -> Option<Enrollment> {
        let portal = name::parse_portal(portal).unwrap();
        let read = self.app.store.read();
        let digests = |kind| self.app.vault().digests(kind, token.as_bytes());
        let owner = if token.starts_with("ghs_") {
            let session = read.session(&portal, &digests(DigestKind::Session)).await.unwrap();
            Owner::Session(session?.id)
        } else {
            let digests = digests(DigestKind::SignIn);
            Owner::SignIn(read.sign_in(&portal, &digests, self.now()).await.unwrap()?.id)
        };
        Some(read.enrollment(owner, self.now()).await.unwrap()?.0)
    }

    /// Stores a password hash that no call would, sealed for the customer as it should be.
    pub async fn store_password_hash(&self, customer: &str, phc: &str) {
        let key = name::parse_customer(customer).unwrap();
        let rng = &mut self.app.entropy.rng();
        let sealed = self.app.vault().seal(rng, &password_place(&key), phc.as_bytes());
        self.put_password(&key, sealed).await;
    }

    /// The hash of a customer's password.
    pub async fn kept_password_hash(&self, customer: &str) -> String {
        let key = name::parse_customer(customer).unwrap();
        let found = self.app.store.read().customer_with_password(&key).await.unwrap();
        let phc = self.app.vault().open(&password_place(&key), &found.unwrap().1.unwrap());
        String::from_utf8(phc.unwrap().to_vec()).unwrap()
    }

    /// The places of a customer's backup codes, each with those that what is stored there
    /// opens for.
    pub async fn backup_codes_that_open(&self, customer: &str) -> Vec<(u8, Vec<u8>)> {
        let key = name::parse_customer(customer).unwrap();
        let stored = self.app.store.read().stored_backup_codes(&key).await.unwrap();
        assert_eq!(stored.len(), CODES_PER_SET);
        let opens = |code: &StoredBackupCode, slot: u8| {
            let row = format!("{}/{slot}", code.set);
            let place = Context {
                table: "backup_code",
                column: "digest",
                row: &row,
                ..password_place(&key)
            };
            self.app.vault().open(&place, &code.digest).is_ok()
        };
        let every = stored.iter().map(|code| {
            let slots = stored.iter().map(|other| other.slot);
            (code.slot, slots.filter(|slot| opens(code, *slot)).collect())
        });
        every.collect()
    }

    /// Puts the sealed password of one customer in the place of another's, as somebody
    /// who can write the database could.
    pub async fn copy_password(&self, from: &str, to: &str) {
        let (from, to) = (name::parse_customer(from).unwrap(), name::parse_customer(to).unwrap());
        let found = self.app.store.read().customer_with_password(&from).await.unwrap();
        self.put_password(&to, found.unwrap().1.unwrap()).await;
    }

    async fn put_password(&self, key: &CustomerKey, sealed: SealedPassword) {
        let tx = self.app.store.begin().await.unwrap();
        tx.rehash_password(key, sealed).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Gives a customer so many sessions, made a second apart, without signing in.
    pub async fn make_sessions(&self, customer: &str, count: u32) {
        let customer = name::parse_customer(customer).unwrap();
        let portal = self.app.store.read().portal(&customer.portal).await.unwrap().unwrap();
        let tx = self.app.store.begin().await.unwrap();
        for age in (1..=count).rev() {
            let rng = &mut self.app.entropy.rng();
            let at = self.now() - Duration::from_secs(1) * age;
            let session = Session {
                id: SessionId::generate(at, rng),
                customer: customer.clone(),
                created_at: at,
                last_used_at: at,
                authenticated_at: at,
                second_factor_at: None,
                limits: Limits::from(&portal.settings.session),
                client: ClientContext::default(),
                ended: None,
            };
            let token = Token::generate(TokenKind::Session, rng);
            let digest = self.app.vault().digest(DigestKind::Session, token.expose().as_bytes());
            tx.insert_session(&session, &digest).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// The wrong passwords that count for `email` and for the source of [`client`], and
    /// the invitations asked for.
    pub async fn kept_tries(&self, portal: &str, email: &str) -> Tries {
        let ip = client().ip_address.parse().unwrap();
        let source = ClientContext::new(Some(ip), String::new()).unwrap().source().unwrap();
        let portal = portal.trim_start_matches("portals/");
        let rules: [&'static Rule; 4] =
            [&ADDRESS, &ADDRESS_AND_SOURCE, &SOURCE, &INVITATION_REQUEST];
        // As the server names them.
        let budgets = rules.map(|rule| {
            let subject = match rule.subject() {
                Subject::Address => email.to_owned(),
                Subject::Source => source.to_string(),
                Subject::AddressAndSource => format!("{email}\n{source}"),
            };
            let text = format!("{}\n{portal}\n{subject}", rule.name());
            (self.app.vault().digest(DigestKind::Throttle, text.as_bytes()), rule)
        });
        // Not committed: a budget is stored by being looked at.
        let tx = self.app.store.begin().await.unwrap();
        let found = tx.lock_throttles(&budgets).await.unwrap();
        let counted = |rule: &'static Rule| {
            let budget = found.iter().find(|budget| budget.rule == rule).unwrap();
            // Of the windows that count now, and one more.
            let next = budget.throttle.count(self.now(), rule);
            (rule.name(), next.previous + next.current - 1)
        };
        rules.map(counted)
    }

    /// Removes what will be of no use any more in two weeks; gives how many rows.
    pub async fn remove_all_that_ends(&self) -> usize {
        let mut removed = 0;
        loop {
            let batch = housekeeping::remove_batch(&self.app, self.now() + LONG).await.unwrap();
            if batch == 0 {
                return removed;
            }
            removed += batch;
        }
    }
}

/// Where a customer's password is sealed to.
fn password_place(key: &CustomerKey) -> Context<'_> {
    Context {
        table: "customer",
        column: "password_hash",
        portal: key.portal.as_str(),
        customer: key.customer.as_str(),
        row: "",
        generation: 0,
    }
}
