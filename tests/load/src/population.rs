//! Who is in a seeded database: everything about a customer follows from a seed and the
//! customer's number, so that a million of them need no list.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::email::Email;
use gatehouse_domain::field::Malformed;
use gatehouse_domain::id::{CustomerKey, PortalId};
use gatehouse_domain::totp::TotpSecret;
use gatehouse_domain::vault::{Token, TokenKind};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// What every customer signs in with.
pub const PASSWORD: &str = "correct horse battery staple";
/// As long as that of a usual browser: it is stored with every session and event.
pub const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A portal of the seeded database, with customers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// With a factor in force and a session.
    Members,
    /// With a password alone, where MFA is enforced.
    Newcomers,
    /// With a password and a session, where MFA is not enforced.
    Owners,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 3] = [Self::Members, Self::Newcomers, Self::Owners];

    /// The id of its portal.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Members => "load",
            Self::Newcomers => "load-enroll",
            Self::Owners => "load-account",
        }
    }

    /// The portal.
    pub fn portal(self) -> Result<PortalId> {
        Ok(self.id().parse::<PortalId>()?)
    }
}

/// What of a customer is drawn.
#[derive(Clone, Copy)]
enum Draw {
    Session = 1,
    Secret = 2,
    PortalKey = 3,
    OwnerKey = 4,
    Salt = 5,
}

/// All that follows from one seed.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// The seed. Whoever knows it knows every token: such a database is for measuring alone.
    pub seed: u64,
}

impl Population {
    /// Of the customer `number` of `group`.
    pub fn customer(group: Group, number: u64) -> Result<CustomerKey> {
        let id = Self::customer_id(number).parse().context("the id of a customer")?;
        Ok(CustomerKey::new(group.portal()?, id))
    }

    /// The resource name of a customer.
    pub fn name(group: Group, number: u64) -> String {
        format!("portals/{}/customers/{}", group.id(), Self::customer_id(number))
    }

    /// Of one length, so that customers are listed in the order of their numbers.
    fn customer_id(number: u64) -> String {
        format!("c{number:08}")
    }

    /// What a customer types.
    pub fn email(number: u64) -> String {
        format!("c{number:08}@load.example")
    }

    /// The same, parsed.
    pub fn parsed_email(number: u64) -> Result<Email> {
        Ok(Email::parse(&Self::email(number))?)
    }

    /// Where a customer comes from: each from an address of their own in 10.0.0.0/8, as
    /// budgets of guesses are kept by address.
    pub fn address(number: u64) -> Ipv4Addr {
        let host = u32::try_from(number & 0x00ff_ffff).unwrap_or_default();
        Ipv4Addr::from_bits(0x0a00_0000 | host)
    }

    /// A customer's device.
    pub fn client(number: u64) -> Result<ClientContext, Malformed> {
        ClientContext::new(Some(Self::address(number).into()), USER_AGENT.to_owned())
    }

    /// The token of the session that a customer was seeded with.
    pub fn session_token(self, group: Group, number: u64) -> Token {
        Token::generate(TokenKind::Session, &mut self.rng(Draw::Session, group, number))
    }

    /// What a customer's phone computes codes with.
    pub fn totp_secret(self, group: Group, number: u64) -> TotpSecret {
        TotpSecret::generate(&mut self.rng(Draw::Secret, group, number))
    }

    /// The key of the portal's backend.
    pub fn portal_key(self, group: Group) -> Token {
        Token::generate(TokenKind::PortalKey, &mut self.rng(Draw::PortalKey, group, 0))
    }

    /// An administrator's key.
    pub fn owner_key(self) -> Token {
        Token::generate(TokenKind::AdminKey, &mut self.rng(Draw::OwnerKey, Group::Members, 0))
    }

    /// The salt of the one password hash that all share.
    pub fn salt(self) -> [u8; 16] {
        let mut salt = [0; 16];
        let mut rng = self.rng(Draw::Salt, Group::Members, 0);
        rand::Rng::fill_bytes(&mut rng, &mut salt);
        salt
    }

    /// A generator of its own for everything that is drawn.
    fn rng(self, draw: Draw, group: Group, number: u64) -> StdRng {
        let mut seed = [0; 32];
        let words = [self.seed, draw as u64, group as u64, number];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        StdRng::from_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everything_follows_from_seed_and_number() {
        let (one, same, other) =
            (Population { seed: 1 }, Population { seed: 1 }, Population { seed: 2 });
        let token =
            |of: Population, number| of.session_token(Group::Members, number).expose().to_owned();
        assert_eq!(token(one, 7), token(same, 7));
        assert_ne!(token(one, 7), token(other, 7));
        let secret = |number| one.totp_secret(Group::Members, number).expose().to_vec();
        assert_eq!(secret(7), secret(7));
    }

    #[test]
    fn nothing_is_drawn_twice() {
        let population = Population { seed: 1 };
        let mut drawn = HashSet::new();
        for number in 0..1_000 {
            for group in Group::ALL {
                let token = population.session_token(group, number);
                assert!(drawn.insert(token.expose().as_bytes().to_vec()));
                let secret = population.totp_secret(group, number);
                assert!(drawn.insert(secret.expose().to_vec()));
            }
        }
    }

    #[test]
    fn customers_are_listed_by_number_and_come_from_addresses_of_their_own() {
        let names: Vec<_> =
            [0, 9, 10, 999_999, 1_000_000].map(|n| Population::name(Group::Members, n)).into();
        assert!(names.is_sorted());
        assert_eq!(Population::address(0).to_string(), "10.0.0.0");
        assert_eq!(Population::address(1_000_000).to_string(), "10.15.66.64");
    }
}
