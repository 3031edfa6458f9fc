//! What the fields of a request are filled with.

use data_encoding::BASE32_NOPAD;
use gatehouse_domain::time::Timestamp;
use totp_rs::{Algorithm, Builder, Secret};

use super::contract::CONTRACT;
use super::wire::{self, Value};
use crate::{Input, input};
use prost_types::field_descriptor_proto::Type;

/// Part of every password here, and of nothing else.
pub const SECRET_MARK: &str = "Tr0ub4dor-3";
/// The customer's password.
pub const PASSWORD: &str = "Tr0ub4dor-3 and a horse";

/// What kind of text a field takes, told by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With what it begins.
    Token(&'static str),
    PageToken,
    Password,
    Code,
    Email,
    Name,
    Path,
    Id,
    Address,
    Other,
}

impl Kind {
    fn of(field: &str) -> Self {
        match field {
            _ if field.contains("password") => Self::Password,
            "session_token" => Self::Token("ghs_"),
            "sign_in_token" => Self::Token("ghi_"),
            "invitation_token" => Self::Token("ghv_"),
            _ if field.ends_with("_token") => Self::PageToken,
            "codes" => Self::Code,
            _ if field.ends_with("code") => Self::Code,
            "email" => Self::Email,
            "name" | "parent" | "customer" | "session" | "resource" | "api_key" | "portal"
            | "portals" => Self::Name,
            "paths" => Self::Path,
            "ip_address" => Self::Address,
            _ if field.ends_with("_id") => Self::Id,
            _ => Self::Other,
        }
    }

    const fn fixed(self) -> &'static [&'static str] {
        match self {
            Self::Token(_) => &[
                "ghs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "ghi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "ghv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "gha_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "ghs_",
            ],
            Self::PageToken => &["", "AQEAAAABAAAA"],
            Self::Password => &[PASSWORD],
            Self::Path => &["*", "", "mfa.", "display_name.mfa", "displayName", "\u{202e}"],
            Self::Code => &[
                "000000",
                "12345678",
                "0000-0000-0000-0000",
                "\u{ff11}\u{ff12} 3456",
                "OIL0 1111 AAAA ZZZZ",
            ],
            Self::Email => &[
                "ana@example.com",
                " ANA@Example.com ",
                "eva@example.com",
                "\u{2121}@m\u{fc}nchen.example",
                "a@b@c",
                "ana@",
                "an\u{202e}a@example.com",
            ],
            Self::Name => &[
                "portals/-",
                "portals/none",
                "portals/none/customers/none",
                "portals/-/customers/-",
                "portals/../customers/ana",
                "apiKeys/01890a5d-ac96-774b-bcce-b302099a8057",
                "auditEvents/01890a5d-ac96-774b-bcce-b302099a8057",
            ],
            Self::Id => &["beta", "-", "a-", "A", "xn--a", "portals/beta"],
            Self::Address => {
                &["203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7", "fe80::1%eth0", "1.2.3"]
            }
            Self::Other => &[
                "Acme Billing",
                "Acme: Billing",
                "customer.created",
                "session.created",
                "sign_in.succeeded",
                "https://idp.example/sso",
                include_str!("../../../../../crates/domain/src/saml/certificate.pem"),
                "0.1",
                " ",
                "\0",
                "\u{202e}",
                "\u{1f511}",
                "'; DROP TABLE portal; --",
                "%_\\",
            ],
        }
    }
}

/// All texts that answers held, with the names of their fields.
#[derive(Default)]
pub struct Words(Vec<(String, String)>);

impl Words {
    /// Remembers all texts of an answer of the type `name`.
    pub fn learn(&mut self, name: &str, message: &[u8]) {
        let fields = &CONTRACT.message(name).field;
        for (number, value) in wire::fields(message) {
            let known = fields.iter().find(|field| field.number() == number);
            let (Some(field), Value::Bytes(bytes)) = (known, value) else { continue };
            match field.r#type() {
                Type::Message => self.learn(field.type_name(), bytes),
                Type::String if bytes.len() < 4_096 => {
                    let text = String::from_utf8(bytes.to_vec()).expect("a string is UTF-8");
                    self.0.push((field.name().to_owned(), text));
                }
                _ => {}
            }
        }
    }

    /// A text for a field of this name: with care one that may well be right.
    pub fn pick(
        &self,
        field: &str,
        input: &mut Input<'_>,
        now: Timestamp,
        careful: bool,
    ) -> String {
        let kind = Kind::of(field);
        if kind == Kind::Password {
            return password(input);
        }
        match input.below(if careful { 4 } else { 8 }) {
            1 if kind == Kind::Code => self.live_code(now).unwrap_or_default(),
            0..=2 => self.related(kind, input),
            3 => fixed(kind, input),
            4 => self.any(input),
            5 => input.text(),
            6 => {
                let count = *input.pick(&[64, 101, 256, 1_025, 3_000, 20_000, 70_000]);
                (*input.pick(&["a", "\u{e9}", "\u{fdfa}", "1", "/"])).repeat(count)
            }
            _ => {
                let text = self.related(kind, input);
                let changed = input::changed(text.as_bytes(), input);
                String::from_utf8_lossy(&changed).into_owned()
            }
        }
    }

    /// Something that was learned, whatever it is.
    pub fn any(&self, input: &mut Input<'_>) -> String {
        if self.0.is_empty() { String::new() } else { input.pick(&self.0).1.clone() }
    }

    /// Something that was learned for such a field, the newest first.
    fn related(&self, kind: Kind, input: &mut Input<'_>) -> String {
        let fits = |field: &str, text: &str| match kind {
            Kind::Token(prefix) => text.starts_with(prefix),
            _ => Kind::of(field) == kind,
        };
        let related = self.0.iter().rev().filter(|(field, text)| fits(field, text));
        let texts = related.map(|(_, text)| text).collect::<Vec<_>>();
        if texts.is_empty() { fixed(kind, input) } else { (*input.pick(&texts)).clone() }
    }

    /// What an authenticator shows that has read the newest secret.
    fn live_code(&self, now: Timestamp) -> Option<String> {
        let mut secrets = self.0.iter().rev().filter(|(field, _)| field == "secret");
        let secret = secrets.find_map(|(_, text)| BASE32_NOPAD.decode(text.as_bytes()).ok())?;
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(30)
            .with_secret(Secret::from(&secret[..]))
            .build_noncompliant();
        Some(totp.generate(now.as_seconds().unsigned_abs()).to_string())
    }
}

fn fixed(kind: Kind, input: &mut Input<'_>) -> String {
    (*input.pick(kind.fixed())).to_owned()
}

/// With the mark in it, so that it is found wherever it turns up.
fn password(input: &mut Input<'_>) -> String {
    match input.below(8) {
        0..=3 => PASSWORD.to_owned(),
        4 => format!("{SECRET_MARK} is the new one"),
        5 => SECRET_MARK.repeat(input.below(100)),
        6 => format!("{SECRET_MARK}\u{fdfa}\0\u{202e}"),
        _ => format!("{}{SECRET_MARK}{}", input.text(), input.text()),
    }
}
