//! Email addresses and resource names.

use std::hint::black_box;

use gatehouse_domain::email::Email;
use gatehouse_domain::id::name;

use super::{Call, call};

const CUSTOMER: &str = "portals/acme/customers/0190a8b4-7c1e-7d3a-9f52-3b6c1d2e4f50";
const SESSION: &str = "portals/acme/customers/0190a8b4-7c1e-7d3a-9f52-3b6c1d2e4f50\
                       /sessions/0190a8b5-1234-7abc-8def-0123456789ab";

fn email(text: &'static str) -> anyhow::Result<Call> {
    Email::parse(text)?;
    call(move || Email::parse(black_box(text)))
}

pub fn email_ascii() -> anyhow::Result<Call> {
    email("Ana.Diaz@Example.com")
}

pub fn email_international() -> anyhow::Result<Call> {
    email("Jos\u{e9}.D\u{ed}az@Mu\u{308}nchen.example")
}

pub fn parse_customer() -> anyhow::Result<Call> {
    name::parse_customer(CUSTOMER)?;
    call(|| name::parse_customer(black_box(CUSTOMER)))
}

pub fn parse_session() -> anyhow::Result<Call> {
    name::parse_session(SESSION)?;
    call(|| name::parse_session(black_box(SESSION)))
}

pub fn print_session() -> anyhow::Result<Call> {
    let (customer, session) = name::parse_session(SESSION)?;
    call(move || name::session(black_box(&customer), black_box(session)))
}
