use super::*;

#[test]
fn a_server_that_listens_everywhere_is_on_this_machine() {
    for (listen, is_tls, url) in [
        ("127.0.0.1:50051", false, "http://127.0.0.1:50051"),
        ("0.0.0.0:80", false, "http://127.0.0.1:80"),
        ("[::]:80", true, "https://[::1]:80"),
        ("192.0.2.1:80", true, "https://192.0.2.1:80"),
    ] {
        let of_listener = ServerUrl::of_listener(listen.parse().unwrap(), is_tls);
        assert_eq!(of_listener.to_string(), url);
        assert_eq!(url.parse::<ServerUrl>().unwrap(), of_listener);
    }
}

#[test]
fn takes_a_scheme_a_host_and_a_port() {
    for (text, host, port) in [
        ("http://gatehouse:50051", "gatehouse", 50_051),
        ("http://gatehouse", "gatehouse", 80),
        ("https://gatehouse.example.com", "gatehouse.example.com", 443),
        ("https://[2001:db8::1]:50051/", "2001:db8::1", 50_051),
    ] {
        let url: ServerUrl = text.parse().unwrap();
        assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        assert_eq!(url.is_tls, text.starts_with("https"));
    }
    for text in [
        "",
        "gatehouse:50051",
        "https://",
        "http://a/b",
        "https://a?b",
        "ftp://a",
        "https://ana:hunter2@a",
    ] {
        assert!(text.parse::<ServerUrl>().is_err(), "{text}");
    }
}

#[test]
fn a_key_goes_to_other_machines_by_tls_or_where_that_is_asked_for_by_name() {
    let parsed = |text: &str| text.parse::<ServerUrl>().unwrap();
    for private in [
        "http://127.0.0.1:50051",
        "http://127.8.8.8:50051",
        "http://[::1]:50051",
        "http://[::ffff:127.0.0.1]:1",
        "http://localhost:50051",
        "https://gatehouse.example.com",
        "https://192.0.2.1:50051",
    ] {
        parsed(private).require_private(false).unwrap();
    }
    for public in [
        "http://gatehouse:50051",
        "http://192.0.2.1:50051",
        "http://[2001:db8::1]:50051",
        "http://0.0.0.0:50051",
        "http://localhost.example.com",
    ] {
        parsed(public).require_private(true).unwrap();
        let refusal = parsed(public).require_private(false).unwrap_err().to_string();
        let expected = format!(
            "{public} is on another machine, and there is no TLS: the admin key would cross the \
             network in clear. Give an https:// URL, or --key-in-clear where the network is private"
        );
        assert_eq!(refusal, expected);
    }
}

#[test]
fn half_of_an_identity_is_refused_by_the_name_of_the_other_half() {
    let server = "https://localhost".parse().unwrap();
    let half = |certificate: Option<&str>, key: Option<&str>| {
        let [client_certificate, client_key] = [certificate, key].map(|path| path.map(Into::into));
        let options = TlsOptions { client_certificate, client_key, ..TlsOptions::default() };
        options.client(&server).map(drop).unwrap_err().to_string()
    };
    assert_eq!(half(Some("c"), None), "--client-certificate needs --client-key");
    assert_eq!(half(None, Some("k")), "--client-key needs --client-certificate");
}
