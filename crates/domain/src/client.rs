//! The customer's own device, as the portal's backend saw it.

use std::net::{IpAddr, Ipv6Addr};

use crate::field::Malformed;

/// Longer than nearly any browser's; it is kept with every session.
const MAX_USER_AGENT_BYTES: usize = 512;

/// Where a customer comes from. Believed because the caller holds a portal key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientContext {
    ip_address: Option<IpAddr>,
    user_agent: String,
}

impl ClientContext {
    /// What a browser's header said: an agent is cut to its first 512 bytes, at a
    /// character. It is a third party's text, which the caller cannot mend.
    ///
    /// # Errors
    /// The user agent holds a control character, as for [`Self::new`], wherever it is.
    pub fn of_header(
        ip_address: Option<IpAddr>,
        mut user_agent: String,
    ) -> Result<Self, Malformed> {
        refuse_controls(&user_agent)?;
        user_agent.truncate(user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES));
        Self::new(ip_address, user_agent)
    }

    /// What was kept of it. Either may be left out: no address, an empty agent.
    ///
    /// # Errors
    /// The user agent is longer than 512 bytes, or holds a control character other
    /// than a tab: no header has one (RFC 9110, section 5.5), and databases differ
    /// in what they take.
    pub fn new(ip_address: Option<IpAddr>, user_agent: String) -> Result<Self, Malformed> {
        if user_agent.len() > MAX_USER_AGENT_BYTES {
            return Err(Malformed("at most 512 bytes"));
        }
        refuse_controls(&user_agent)?;
        Ok(Self { ip_address: ip_address.map(|ip| ip.to_canonical()), user_agent })
    }

    /// The address, IPv4 also where it came mapped into IPv6.
    #[must_use]
    pub const fn ip_address(&self) -> Option<IpAddr> {
        self.ip_address
    }

    /// Whatever the browser says it is.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// What one subscriber can hardly change: the IPv4 address, or the /64 that
    /// an IPv6 address is in.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        match self.ip_address? {
            IpAddr::V4(ip) => Some(ip.into()),
            IpAddr::V6(ip) => {
                let network = ip.to_bits() & (u128::MAX << 64);
                Some(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

fn refuse_controls(user_agent: &str) -> Result<(), Malformed> {
    if user_agent.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Malformed("no control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(ip: &str) -> String {
        let client = ClientContext::new(Some(ip.parse().unwrap()), String::new()).unwrap();
        client.source().unwrap().to_string()
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_network() {
        assert_eq!(source("203.0.113.7"), "203.0.113.7");
        assert_eq!(source("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(source("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn refuses_an_agent_that_no_header_can_carry() {
        for agent in ["\0", "a\nb", "a\rb", "\u{7f}", "\u{85}"] {
            assert!(ClientContext::new(None, agent.to_owned()).is_err(), "{agent:?}");
        }
        assert!(ClientContext::new(None, "Mozilla/5.0\t(\u{e9})".to_owned()).is_ok());
    }

    #[test]
    fn refuses_an_agent_that_is_too_long() {
        assert!(ClientContext::new(None, "a".repeat(MAX_USER_AGENT_BYTES)).is_ok());
        assert!(ClientContext::new(None, "a".repeat(MAX_USER_AGENT_BYTES + 1)).is_err());
    }

    #[test]
    fn keeps_the_first_512_bytes_of_a_header_as_whole_characters() {
        let kept = |agent: String| {
            let length = ClientContext::of_header(None, agent.clone()).unwrap().user_agent.len();
            assert!(agent.starts_with(&agent[..length]));
            length
        };
        for (agent, length) in
            [("a".repeat(512), 512), ("a".repeat(513), 512), ("a".repeat(100_000), 512)]
        {
            assert_eq!(kept(agent), length);
        }
        for (character, length) in [("\u{e9}", 512), ("\u{20ac}", 510), ("\u{1f511}", 512)] {
            assert_eq!(kept(character.repeat(1_000)), length, "{character}");
        }
        assert_eq!(kept(format!("{}\u{1f511}", "a".repeat(509))), 509);
    }

    #[test]
    fn refuses_a_control_character_beyond_what_is_kept_too() {
        let agent = format!("{}\n", "a".repeat(MAX_USER_AGENT_BYTES));
        assert!(ClientContext::of_header(None, agent).is_err());
    }
}
