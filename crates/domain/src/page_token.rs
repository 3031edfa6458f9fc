//! Page tokens: sealed, and bound to the list that they continue.

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;

use crate::vault::{SealPurpose, Vault};

impl Vault {
    /// The token of the page of `list` that comes after `item`. `list`
    /// is the request, in any form that all of its pages share.
    #[must_use]
    pub fn seal_page_token(&self, rng: &mut impl CryptoRng, list: &str, item: &str) -> String {
        let item = item.as_bytes();
        let sealed = self.seal_for(SealPurpose::PageToken, rng, list.as_bytes(), item);
        BASE64URL_NOPAD.encode(&sealed)
    }

    /// The item after which the page begins; `None` for what is not a token of
    /// this very list.
    #[must_use]
    pub fn open_page_token(&self, list: &str, token: &str) -> Option<String> {
        let sealed = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let item = self.open_for(SealPurpose::PageToken, list.as_bytes(), &sealed).ok()?;
        String::from_utf8(item.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::vault::KeyRing;

    #[test]
    fn a_token_continues_its_own_list_alone() {
        let mut rng = StdRng::seed_from_u64(1);
        let vault = Vault::new(&KeyRing::generate(&mut rng));
        let token = vault.seal_page_token(&mut rng, "customers of acme", "c7");
        let open = |list, token: &str| vault.open_page_token(list, token);
        assert_eq!(open("customers of acme", &token).as_deref(), Some("c7"));
        assert_eq!(open("customers of beta", &token), None);
        for bad in ["", "c7", &token[1..], &format!("{token}A"), "=", "ä"] {
            assert_eq!(open("customers of acme", bad), None, "{bad}");
        }
    }
}
