//! What was not sealed for a place does not open there: rows, canaries, page tokens and
//! the beginnings of sign-ins.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{PortalId, SignInId};
use gatehouse_domain::sign_in_start::{SignInStart, SignInToken};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Context, KeyRing, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::input::{self, Input};

static VAULT: LazyLock<Vault> = LazyLock::new(|| {
    let random = &mut StdRng::seed_from_u64(1);
    let mut ring = KeyRing::generate(random);
    ring.add(2.into(), random).unwrap();
    ring.promote(2.into()).unwrap();
    Vault::new(&ring)
});

pub fn check(bytes: &[u8]) {
    nothing_opens_that_nobody_sealed(bytes);
    let mut input = Input::new(bytes);
    match input.below(4) {
        0 => a_row_opens_in_its_place_alone(&mut input),
        1 => a_page_token_continues_its_list_alone(&mut input),
        2 => a_sign_in_start_opens_to_what_it_was(&mut input),
        _ => a_canary_is_of_its_key_alone(&mut input),
    }
}

fn context(place: &[String; 4], generation: i64) -> Context<'_> {
    let [table, column, portal, customer] = place;
    Context { table, column, portal, customer, row: "", generation }
}

fn nothing_opens_that_nobody_sealed(bytes: &[u8]) {
    let nowhere = [const { String::new() }; 4];
    let place = context(&nowhere, 0);
    assert!(VAULT.open(&place, bytes).is_err());
    for id in VAULT.key_ids() {
        assert!(VAULT.check_canary(id, bytes).is_err());
    }
    // The form of all that is sealed, around what comes in.
    let mut framed = vec![1, 1, 0, 0, 0, 1 + bytes.first().map_or(0, |byte| byte & 3)];
    framed.extend(bytes);
    assert!(VAULT.open(&place, &framed).is_err());
    let encoded = BASE64URL_NOPAD.encode(&framed);
    let portal = "acme".parse().unwrap();
    let text = input::text(bytes).unwrap_or_default();
    for token in [encoded.as_str(), text] {
        assert_eq!(VAULT.open_page_token("list", token), None);
        assert!(VAULT.open_sign_in_start(&portal, &format!("ghi_{token}")).is_err());
        assert!(VAULT.open_sign_in_start(&portal, token).is_err());
    }
}

fn a_row_opens_in_its_place_alone(input: &mut Input<'_>) {
    let (from, to) = (input.below(4), input.below(4));
    let place = [(); 4].map(|()| input.text());
    let generation = i64::from_le_bytes(input.array());
    let plaintext = input.text();
    let here = context(&place, generation);
    let sealed = VAULT.seal(&mut StdRng::from_seed(input.array()), &here, plaintext.as_bytes());
    assert_eq!(sealed.len(), plaintext.len() + 46);
    assert!(VAULT.seals(&sealed));
    assert_eq!(VAULT.open(&here, &sealed).expect("here").as_slice(), plaintext.as_bytes());

    // The same letters, divided among the names in another way.
    let mut elsewhere = place.clone();
    if let Some(letter) = elsewhere[from].pop() {
        elsewhere[to].insert(0, letter);
    }
    assert_eq!(VAULT.open(&context(&elsewhere, generation), &sealed).is_ok(), elsewhere == place);
    assert!(VAULT.open(&context(&place, !generation), &sealed).is_err());
    let row = Context { row: "1", ..here };
    assert!(VAULT.open(&row, &sealed).is_err());

    let other = input::changed(&sealed, input);
    assert_eq!(VAULT.open(&here, &other).is_ok(), other == sealed);
    // Nor does it open as anything but a row.
    let as_token = BASE64URL_NOPAD.encode(&sealed);
    assert_eq!(VAULT.open_page_token(&place[0], &as_token), None);
    assert!(VAULT.check_canary(VAULT.primary(), &sealed).is_err());
}

fn a_page_token_continues_its_list_alone(input: &mut Input<'_>) {
    let (list, item) = (input.text(), input.text());
    let token = VAULT.seal_page_token(&mut StdRng::from_seed(input.array()), &list, &item);
    assert_eq!(VAULT.open_page_token(&list, &token), Some(item));
    assert_eq!(VAULT.open_page_token(&format!("{list} "), &token), None);
    let other = input::changed(token.as_bytes(), input);
    if let Ok(other) = String::from_utf8(other) {
        assert_eq!(VAULT.open_page_token(&list, &other).is_some(), other == token, "{other}");
    }
}

fn a_sign_in_start_opens_to_what_it_was(input: &mut Input<'_>) {
    let portal: PortalId = "acme".parse().unwrap();
    let random = &mut StdRng::from_seed(input.array());
    let ip = match input.below(3) {
        0 => None,
        1 => Some(IpAddr::V4(Ipv4Addr::from_bits(u32::from_le_bytes(input.array())))),
        _ => Some(IpAddr::V6(Ipv6Addr::from_bits(u128::from_le_bytes(input.array())))),
    };
    let started_at = Timestamp::from_micros(i64::from_le_bytes(input.array()));
    let mut email_as_typed = input.text();
    email_as_typed.truncate(email_as_typed.floor_char_boundary(254));
    let agent = input.text().repeat(1 + input.below(4));
    let Ok(client) = ClientContext::of_header(ip, agent) else { return };
    let id = SignInId::generate(Timestamp::from_seconds(1), random);
    let start = SignInStart { id, email_as_typed, client, started_at };

    let token = VAULT.seal_sign_in_start(random, &portal, &start);
    assert!(matches!(SignInToken::parse(&token), Ok(SignInToken::Start(_))));
    assert_eq!(VAULT.open_sign_in_start(&portal, &token), Ok(start));
    assert!(VAULT.open_sign_in_start(&"beta".parse().unwrap(), &token).is_err());
    let other = input::changed(token.as_bytes(), input);
    if let Ok(other) = String::from_utf8(other) {
        assert_eq!(VAULT.open_sign_in_start(&portal, &other).is_ok(), other == *token, "{other}");
    }
}

fn a_canary_is_of_its_key_alone(input: &mut Input<'_>) {
    let random = &mut StdRng::from_seed(input.array());
    for id in VAULT.key_ids() {
        let canary = VAULT.canary(random, id).expect("a key of the ring");
        for known in VAULT.key_ids() {
            assert_eq!(VAULT.check_canary(known, &canary).is_ok(), known == id);
        }
        let other = input::changed(&canary, input);
        assert_eq!(VAULT.check_canary(id, &other).is_ok(), other == canary);
    }
}
