//! A sign-in before its password has been proven. It is kept nowhere: its token
//! is its sealed state, of one length whatever the address and the device are.

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::client::ClientContext;
use crate::field::Malformed;
use crate::id::{PortalId, SignInId};
use crate::sign_in::LIFETIME;
use crate::time::Timestamp;
use crate::vault::{OVERHEAD_BYTES, OpenError, SealPurpose, Token, TokenKind, Vault};

const EMAIL_BYTES: usize = 254;
const USER_AGENT_BYTES: usize = 512;
const IP_BYTES: usize = 45;
/// Id, time, and three texts with their lengths.
const STATE_BYTES: usize = 16 + 8 + 2 + EMAIL_BYTES + 2 + IP_BYTES + 2 + USER_AGENT_BYTES;

/// What StartSignIn was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInStart {
    /// The sign-in that comes of it, at most once.
    pub id: SignInId,
    /// At most 254 bytes.
    pub email_as_typed: String,
    /// The device.
    pub client: ClientContext,
    /// When.
    pub started_at: Timestamp,
}

impl SignInStart {
    /// When it is over if no password is proven.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.started_at + LIFETIME
    }

    /// Whether a password may still be proven at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let ip = self.client.ip_address().map(|ip| ip.to_string()).unwrap_or_default();
        let mut state = Zeroizing::new(Vec::with_capacity(STATE_BYTES));
        state.extend_from_slice(self.id.as_uuid().as_bytes());
        state.extend_from_slice(&self.started_at.as_micros().to_be_bytes());
        push_padded(&mut state, &self.email_as_typed, EMAIL_BYTES);
        push_padded(&mut state, &ip, IP_BYTES);
        push_padded(&mut state, self.client.user_agent(), USER_AGENT_BYTES);
        state
    }

    fn decode(mut state: &[u8]) -> Option<Self> {
        let id = state.split_off(..16)?.try_into().ok()?;
        let started_at = state.split_off(..8)?.try_into().ok()?;
        let email_as_typed = take_padded(&mut state, EMAIL_BYTES)?;
        let ip = take_padded(&mut state, IP_BYTES)?;
        let user_agent = take_padded(&mut state, USER_AGENT_BYTES)?;
        let ip = if ip.is_empty() { None } else { Some(ip.parse().ok()?) };
        Some(Self {
            id: SignInId::from_uuid(Uuid::from_bytes(id)),
            email_as_typed,
            client: ClientContext::new(ip, user_agent).ok()?,
            started_at: Timestamp::from_micros(i64::from_be_bytes(started_at)),
        })
    }
}

fn push_padded(state: &mut Vec<u8>, text: &str, bytes: usize) {
    // Bounded where the text came in; what is longer would only be cut.
    let text = text.get(..text.floor_char_boundary(bytes)).unwrap_or_default().as_bytes();
    let end = state.len() + 2 + bytes;
    state.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    state.extend_from_slice(text);
    state.resize(end, 0);
}

fn take_padded(state: &mut &[u8], bytes: usize) -> Option<String> {
    let length = u16::from_be_bytes(state.split_off(..2)?.try_into().ok()?);
    let text = state.split_off(..bytes)?.get(..length.into())?;
    String::from_utf8(text.to_vec()).ok()
}

/// A token of a sign-in, by its length.
#[derive(Clone, Debug)]
pub enum SignInToken {
    /// Sealed state, from StartSignIn.
    Start(Zeroizing<String>),
    /// Random, from the proven password on.
    Proven(Token),
}

impl SignInToken {
    /// Takes a text of one of the two exact forms.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() == start_token_len() && text.starts_with(TokenKind::SignIn.prefix()) {
            return Ok(Self::Start(Zeroizing::new(text.to_owned())));
        }
        Token::parse(TokenKind::SignIn, text).map(Self::Proven)
    }
}

fn start_token_len() -> usize {
    let sealed = STATE_BYTES + OVERHEAD_BYTES;
    TokenKind::SignIn.prefix().len() + BASE64URL_NOPAD.encode_len(sealed)
}

impl Vault {
    /// The token of a start, which opens for this portal alone.
    #[must_use]
    pub fn seal_sign_in_start(
        &self,
        rng: &mut impl CryptoRng,
        portal: &PortalId,
        start: &SignInStart,
    ) -> Zeroizing<String> {
        let portal = portal.as_str().as_bytes();
        let sealed = self.seal_for(SealPurpose::SignInStart, rng, portal, &start.encode());
        let mut token = Zeroizing::new(TokenKind::SignIn.prefix().to_owned());
        BASE64URL_NOPAD.encode_append(&sealed, &mut token);
        token
    }

    /// The start that a token of this portal stands for.
    ///
    /// # Errors
    /// [`OpenError`], also for the token of another portal.
    pub fn open_sign_in_start(
        &self,
        portal: &PortalId,
        token: &str,
    ) -> Result<SignInStart, OpenError> {
        let text = token.strip_prefix(TokenKind::SignIn.prefix()).ok_or(OpenError::Malformed)?;
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| OpenError::Malformed)?;
        let portal = portal.as_str().as_bytes();
        let state = self.open_for(SealPurpose::SignInStart, portal, &sealed)?;
        SignInStart::decode(&state).ok_or(OpenError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::vault::KeyRing;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn vault() -> Vault {
        Vault::new(&KeyRing::generate(&mut StdRng::seed_from_u64(1)))
    }

    fn start(email: &str, ip: Option<&str>, user_agent: &str) -> SignInStart {
        let ip = ip.map(|ip| ip.parse().unwrap());
        SignInStart {
            id: SignInId::generate(NOW, &mut StdRng::seed_from_u64(2)),
            email_as_typed: email.to_owned(),
            client: ClientContext::new(ip, user_agent.to_owned()).unwrap(),
            started_at: NOW,
        }
    }

    fn seal(start: &SignInStart) -> Zeroizing<String> {
        let portal = "acme".parse().unwrap();
        vault().seal_sign_in_start(&mut StdRng::seed_from_u64(3), &portal, start)
    }

    #[test]
    fn every_token_is_of_one_length_and_opens_to_what_it_was() {
        let longest = "ö".repeat(127);
        for start in [
            start("a@b", None, ""),
            start(&longest, Some("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), &"x".repeat(512)),
        ] {
            let token = seal(&start);
            assert_eq!(token.len(), start_token_len());
            assert!(matches!(SignInToken::parse(&token), Ok(SignInToken::Start(_))));
            let portal = "acme".parse().unwrap();
            assert_eq!(vault().open_sign_in_start(&portal, &token), Ok(start));
        }
    }

    #[test]
    fn the_token_of_another_portal_does_not_open() {
        let token = seal(&start("a@b", None, ""));
        let other = "beta".parse().unwrap();
        assert_eq!(vault().open_sign_in_start(&other, &token), Err(OpenError::Rejected));
    }

    #[test]
    fn a_changed_token_does_not_open() {
        let token = seal(&start("a@b", None, ""));
        let portal = "acme".parse().unwrap();
        for at in [4, 10, 20, 60, token.len() - 2] {
            let mut changed = token.to_string().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(vault().open_sign_in_start(&portal, &changed).is_err(), "{at}");
        }
    }

    #[test]
    fn a_token_is_of_one_of_two_exact_forms() {
        let proven = Token::generate(TokenKind::SignIn, &mut StdRng::seed_from_u64(4));
        let parsed = SignInToken::parse(proven.expose()).unwrap();
        assert!(matches!(parsed, SignInToken::Proven(token) if token.expose() == proven.expose()));
        let session = Token::generate(TokenKind::Session, &mut StdRng::seed_from_u64(4));
        let start = seal(&start("a@b", None, ""));
        for other in [
            start[..start.len() - 1].to_owned(),
            format!("{}A", *start),
            start.replacen("ghi_", "ghs_", 1),
            session.expose().to_owned(),
            "ghi_".to_owned(),
            String::new(),
        ] {
            assert!(SignInToken::parse(&other).is_err(), "{other:.60}");
        }
    }

    #[test]
    fn a_start_ends_after_five_minutes() {
        let start = start("a@b", None, "");
        assert!(start.is_live(NOW + LIFETIME - std::time::Duration::from_micros(1)));
        assert!(!start.is_live(NOW + LIFETIME));
    }
}
