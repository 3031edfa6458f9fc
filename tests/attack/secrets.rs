//! What somebody finds who reads the database.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};

use gatehouse_tests::{Acme, Authenticator, EMAIL, PASSWORD, SignInExt, TestServer};

gatehouse_tests::on_each_database! {
    a_dump_holds_no_secret,
}

/// OWASP ASVS 11.4, 13.3: who reads the database, or a backup, learns nothing to sign in with.
async fn a_dump_holds_no_secret(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let web = &acme.web;
    let started = web.start(EMAIL).await.unwrap().token;
    let at_enroll = web.password(&started, PASSWORD).await.unwrap().token;
    let setup = web.start_enrollment(&at_enroll).await.unwrap();
    let secret = setup.pending().unwrap().1.secret.clone();
    // One that stays pending, and a sign-in that stays under way.
    acme.admin.create_customer("portals/acme", "ben@example.com", PASSWORD).await.unwrap();
    let bens = web.sign_in("ben@example.com", PASSWORD).await.unwrap().token;
    let bens_setup = web.start_enrollment(&bens).await.unwrap();
    let bens_secret = bens_setup.pending().unwrap().1.secret.clone();

    let code = Authenticator::with_secret(&secret).code(acme.server.now());
    web.verify_enrollment(&at_enroll, &code).await.unwrap();
    web.enable_mfa(&at_enroll).await.unwrap();
    let (backup_codes, _) = web.backup_codes(&at_enroll).await.unwrap();
    let first = web.finish(&at_enroll).await.unwrap().issued().token;
    let at_code = acme.sign_in().await.token;
    let second = web.backup_code(&at_code, &backup_codes[0]).await.unwrap().issued().token;

    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;

    let mut secrets = Secrets(Vec::new());
    secrets.add("the password", PASSWORD.as_bytes());
    let owner = acme.server.owner_key();
    for token in
        [&started, &at_enroll, &bens, &first, &at_code, &second, &invitation, &acme.key, owner]
    {
        let body = &token["ghi_".len()..];
        secrets.add("a token", body.as_bytes());
        secrets.add("a token's bytes", &BASE64URL_NOPAD.decode(body.as_bytes()).unwrap());
    }
    for secret in [&secret, &bens_secret] {
        secrets.add("a TOTP secret", secret.as_bytes());
        secrets.add("a TOTP secret's bytes", &BASE32_NOPAD.decode(secret.as_bytes()).unwrap());
    }
    for code in &backup_codes {
        secrets.add("a backup code", code.as_bytes());
        secrets.add("a backup code", code.replace('-', "").as_bytes());
        secrets.add("a backup code", code.replace('-', "").to_lowercase().as_bytes());
    }
    secrets.add("a password hash", b"$argon2");

    let dump = acme.server.dump();
    assert!(contains(&dump, EMAIL.as_bytes()), "the dump holds the rows");
    for (what, needle) in secrets.0 {
        assert!(!contains(&dump, &needle), "the dump holds {what}");
    }
}

/// What must not be found, and what it is.
struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    /// As it is, and as PostgreSQL prints bytes.
    fn add(&mut self, what: &'static str, bytes: &[u8]) {
        self.0.push((what, bytes.to_vec()));
        self.0.push((what, HEXLOWER.encode(bytes).into_bytes()));
    }
}

fn contains(dump: &[u8], needle: &[u8]) -> bool {
    dump.windows(needle.len()).any(|window| window == needle)
}
