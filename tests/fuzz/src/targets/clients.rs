//! What a portal's backend says of a device is kept within bounds, in one form.

use std::net::IpAddr;

use gatehouse::convert::client_context;
use gatehouse::convert::fields::Fields;
use gatehouse_api::v1;

use crate::input::{self, Input};

pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let ip_address = input.text();
    let Some(agent) = input::text(input.rest()) else { return };
    // Some are longer than what is kept.
    let user_agent =
        if agent.len() > 8 { agent.repeat(1 + agent.len() % 40) } else { agent.to_owned() };
    let device = v1::ClientContext { ip_address, user_agent };

    let mut fields = Fields::default();
    let Some(client) = client_context::parse(&mut fields, Some(device.clone())) else {
        assert!(fields.finish().is_err(), "nothing is refused without a reason");
        return;
    };
    assert!(fields.finish().is_ok());
    let kept = client.user_agent();
    assert!(kept.len() <= 512 && device.user_agent.starts_with(kept));
    assert!(kept.len() > 508 || kept == device.user_agent, "what fits is kept whole");
    assert!(!kept.contains(|c: char| c.is_control() && c != '\t'));
    a_source_is_an_address_or_a_network(client.ip_address(), client.source());

    let printed = client_context::message(&client);
    let again = client_context::parse(&mut Fields::default(), Some(printed.clone()));
    assert_eq!(again.as_ref(), Some(&client));
    assert!(client_context::message(&client) == printed);
}

fn a_source_is_an_address_or_a_network(address: Option<IpAddr>, source: Option<IpAddr>) {
    match (address, source) {
        (None, None) => {}
        (Some(IpAddr::V4(address)), Some(IpAddr::V4(source))) => assert_eq!(address, source),
        (Some(IpAddr::V6(address)), Some(IpAddr::V6(source))) => {
            assert!(address.to_ipv4_mapped().is_none(), "{address}");
            assert_eq!(address.segments()[..4], source.segments()[..4]);
            assert_eq!(source.segments()[4..], [0; 4]);
        }
        pair => panic!("{pair:?}"),
    }
}
