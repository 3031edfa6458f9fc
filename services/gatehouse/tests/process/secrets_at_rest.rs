//! A dump of the database and a log of everything hold no secret in clear.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use memchr::memmem;

use crate::support::{Acme, EMAIL, PASSWORD, Site, refused, session};

on_each_database! {
    no_secret_of_a_sign_in_is_stored_or_logged,
}

const WRONG_PASSWORD: &str = "correct horse batteries";

/// What must not be found: the name of a secret, and its bytes.
type Secret = (&'static str, Vec<u8>);

async fn no_secret_of_a_sign_in_is_stored_or_logged(site: Site) {
    let server = site.serve(&["--log", "trace"]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    let started = web.start().await.unwrap();
    refused(web.password(&started.token, WRONG_PASSWORD).await);
    let proven = web.password(&started.token, PASSWORD).await.unwrap();
    let ana = web.enroll(&proven.token).await;
    let asked = web.sign_in().await;
    refused(web.totp(&asked.token, &ana.phone.wrong_code()).await);
    let by_totp = web.totp(&asked.token, &ana.phone.second_code()).await.unwrap();
    let by_backup_code = web.sign_in_with_backup_code(&ana.backup_codes[0]).await.unwrap();

    let mut secrets: Vec<Secret> =
        vec![("password", PASSWORD.into()), ("wrong password", WRONG_PASSWORD.into())];
    for token in [
        &acme.owner_key,
        &acme.portal_key,
        &started.token,
        &proven.token,
        &asked.token,
        &ana.session,
        &session(&by_totp),
        &session(&by_backup_code),
    ] {
        secrets.push(("token", token.as_bytes().to_vec()));
        secrets.push(("bytes of a token", BASE64URL_NOPAD.decode(&token.as_bytes()[4..]).unwrap()));
    }
    for code in &ana.backup_codes {
        secrets.push(("backup code", code.as_bytes().to_vec()));
        secrets.push(("backup code without dashes", code.replace('-', "").into()));
    }
    let secret = ana.phone.secret.as_bytes();
    secrets.push(("TOTP secret in base32", secret.to_vec()));
    secrets.push(("TOTP secret", BASE32_NOPAD.decode(secret).unwrap()));

    // With what is in the write-ahead log, which an orderly end would empty.
    let ended = server.process.kill();
    let dump = site.dump();
    let contents = dump.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
    let outputs = [("stdout", ended.stdout.as_bytes()), ("stderr", ended.stderr.as_bytes())];
    for (place, content) in contents.chain(outputs) {
        for (what, secret) in &secrets {
            assert!(!holds(content, secret), "a {what} is in {place}");
        }
    }
    // What is no secret would be found.
    assert!(site.stores(EMAIL.as_bytes()));
    assert!(ended.stderr.contains(" TRACE "), "{}", ended.stderr);
}

/// Whether `secret` is there in any form that storing or logging bytes gives.
fn holds(content: &[u8], secret: &[u8]) -> bool {
    let list = format!("{secret:?}");
    let list = list.trim_matches(['[', ']']);
    let (lower, upper) = (HEXLOWER.encode(secret), HEXUPPER.encode(secret));
    [secret, list.as_bytes(), lower.as_bytes(), upper.as_bytes()]
        .iter()
        .any(|form| memmem::find(content, form).is_some())
}
