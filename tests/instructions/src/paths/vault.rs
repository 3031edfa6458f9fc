//! Sealed values, keyed digests and tokens.

use std::hint::black_box;

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{PortalId, SignInId};
use gatehouse_domain::sign_in_start::SignInStart;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Context, DigestKind, KeyId, KeyRing, Token, TokenKind, Vault};

use super::{Call, Numbers, call};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
/// As long as an argon2id hash.
const SECRET: &[u8] = &[7; 96];
const LIST: &str = "ListCustomers portals/acme 50 email:ana";
const CONTEXT: Context<'_> = Context {
    table: "customer",
    column: "password_hash",
    portal: "acme",
    customer: "0190a8b4-7c1e-7d3a-9f52-3b6c1d2e4f50",
    row: "",
    generation: 3,
};

fn vault() -> Vault {
    Vault::new(&KeyRing::generate(&mut Numbers(0)))
}

fn token() -> Token {
    Token::generate(TokenKind::Session, &mut Numbers(7))
}

pub fn digest() -> anyhow::Result<Call> {
    let (vault, token) = (vault(), token());
    call(move || vault.digest(DigestKind::Session, black_box(token.expose()).as_bytes()))
}

pub fn digests_two_keys() -> anyhow::Result<Call> {
    let mut ring = KeyRing::generate(&mut Numbers(0));
    ring.add(KeyId::from(2), &mut Numbers(1))?;
    let (vault, token) = (Vault::new(&ring), token());
    call(move || vault.digests(DigestKind::Session, black_box(token.expose()).as_bytes()))
}

pub fn seal_row() -> anyhow::Result<Call> {
    let (vault, mut rng) = (vault(), Numbers(0));
    call(move || vault.seal(&mut rng, black_box(&CONTEXT), black_box(SECRET)))
}

pub fn open_row() -> anyhow::Result<Call> {
    let vault = vault();
    let sealed = vault.seal(&mut Numbers(0), &CONTEXT, SECRET);
    vault.open(&CONTEXT, &sealed)?;
    call(move || vault.open(black_box(&CONTEXT), black_box(&sealed)))
}

fn start() -> anyhow::Result<(PortalId, SignInStart)> {
    let start = SignInStart {
        id: SignInId::generate(NOW, &mut Numbers(0)),
        email_as_typed: "ana.diaz@example.com".to_owned(),
        client: ClientContext::new(Some("203.0.113.7".parse()?), USER_AGENT.to_owned())?,
        started_at: NOW,
    };
    Ok(("acme".parse()?, start))
}

pub fn seal_sign_in_start() -> anyhow::Result<Call> {
    let (portal, start) = start()?;
    let (vault, mut rng) = (vault(), Numbers(0));
    call(move || vault.seal_sign_in_start(&mut rng, &portal, black_box(&start)))
}

pub fn open_sign_in_start() -> anyhow::Result<Call> {
    let (portal, start) = start()?;
    let vault = vault();
    let token = vault.seal_sign_in_start(&mut Numbers(0), &portal, &start);
    vault.open_sign_in_start(&portal, &token)?;
    call(move || vault.open_sign_in_start(&portal, black_box(&token)))
}

pub fn seal_page_token() -> anyhow::Result<Call> {
    let (vault, mut rng) = (vault(), Numbers(0));
    call(move || vault.seal_page_token(&mut rng, black_box(LIST), black_box(CONTEXT.customer)))
}

pub fn open_page_token() -> anyhow::Result<Call> {
    let vault = vault();
    let token = vault.seal_page_token(&mut Numbers(0), LIST, CONTEXT.customer);
    anyhow::ensure!(vault.open_page_token(LIST, &token).is_some(), "it does not open");
    call(move || vault.open_page_token(black_box(LIST), black_box(&token)))
}

pub fn generate_token() -> anyhow::Result<Call> {
    let mut rng = Numbers(0);
    call(move || Token::generate(black_box(TokenKind::Session), &mut rng))
}

pub fn parse_token() -> anyhow::Result<Call> {
    let token = token();
    Token::parse(TokenKind::Session, token.expose())?;
    call(move || Token::parse(black_box(TokenKind::Session), black_box(token.expose())))
}
