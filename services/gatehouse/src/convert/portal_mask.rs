//! Update masks of portals: what is named is taken from the request, where
//! unset it takes its default; what is not named stays.

use gatehouse_api::v1;

use super::fields::Fields;
use crate::error::AppError;

/// Puts the named fields of `from` into `into`.
///
/// # Errors
/// [`AppError::RequestInvalid`] for an empty mask and for every path that
/// cannot be written.
pub fn merge(into: &mut v1::Portal, from: &v1::Portal, paths: &[String]) -> Result<(), AppError> {
    let mut fields = Fields::default();
    if paths.is_empty() {
        fields.note("update_mask", "required: name what to change");
    }
    for path in paths {
        if !merge_path(into, from, path) {
            let path = path.chars().take(100).collect::<String>();
            fields.note("update_mask", format!("no setting has the path {path:?}"));
        }
    }
    // Clearing `enforced` clears its date, unless the request sets one: that is an error.
    let set_here = |path: &String| path == "mfa" || path == "mfa.enforced_from_time";
    if let Some(mfa) = &mut into.mfa
        && !mfa.enforced
        && !paths.iter().any(set_here)
    {
        mfa.enforced_from_time = None;
    }
    fields.finish()
}

fn merge_path(into: &mut v1::Portal, from: &v1::Portal, path: &str) -> bool {
    match path.split_once('.') {
        None => merge_whole(into, from, path),
        Some(("mfa", member)) => {
            merge_mfa(into.mfa.get_or_insert_default(), from.mfa.as_ref(), member)
        }
        Some(("saml", member)) => {
            let mut saml = into.saml.take();
            // A member of what neither has makes no configuration of nothing.
            let is_there = saml.is_some() || from.saml.is_some();
            let is_known = merge_saml(saml.get_or_insert_default(), from.saml.as_ref(), member);
            into.saml = saml.filter(|_| is_there);
            is_known
        }
        Some(("password", member)) => {
            let (into, from) = (into.password.get_or_insert_default(), from.password);
            member == "min_length" && set(&mut into.min_length, from.unwrap_or_default().min_length)
        }
        Some(("lockout", member)) => {
            merge_lockout(into.lockout.get_or_insert_default(), from.lockout, member)
        }
        Some(("session", member)) => {
            merge_session(into.session.get_or_insert_default(), from.session, member)
        }
        Some(_) => false,
    }
}

fn merge_whole(into: &mut v1::Portal, from: &v1::Portal, path: &str) -> bool {
    match path {
        "display_name" => set(&mut into.display_name, from.display_name.clone()),
        "mfa" => set(&mut into.mfa, from.mfa.clone()),
        "saml" => set(&mut into.saml, from.saml.clone()),
        "password" => set(&mut into.password, from.password),
        "lockout" => set(&mut into.lockout, from.lockout),
        "session" => set(&mut into.session, from.session),
        _ => false,
    }
}

fn merge_mfa(into: &mut v1::MfaPolicy, from: Option<&v1::MfaPolicy>, member: &str) -> bool {
    let from = from.cloned().unwrap_or_default();
    match member {
        "enforced" => set(&mut into.enforced, from.enforced),
        "enforced_from_time" => set(&mut into.enforced_from_time, from.enforced_from_time),
        "issuer" => set(&mut into.issuer, from.issuer),
        "totp_skew_steps" => set(&mut into.totp_skew_steps, from.totp_skew_steps),
        _ => false,
    }
}

fn merge_saml(into: &mut v1::SamlConfig, from: Option<&v1::SamlConfig>, member: &str) -> bool {
    let from = from.cloned().unwrap_or_default();
    match member {
        "idp_entity_id" => set(&mut into.idp_entity_id, from.idp_entity_id),
        "sso_url" => set(&mut into.sso_url, from.sso_url),
        "idp_certificate" => set(&mut into.idp_certificate, from.idp_certificate),
        _ => false,
    }
}

fn merge_lockout(
    into: &mut v1::LockoutPolicy,
    from: Option<v1::LockoutPolicy>,
    member: &str,
) -> bool {
    let from = from.unwrap_or_default();
    match member {
        "max_failures" => set(&mut into.max_failures, from.max_failures),
        "lock_duration" => set(&mut into.lock_duration, from.lock_duration),
        _ => false,
    }
}

fn merge_session(
    into: &mut v1::SessionPolicy,
    from: Option<v1::SessionPolicy>,
    member: &str,
) -> bool {
    let from = from.unwrap_or_default();
    match member {
        "idle_timeout" => set(&mut into.idle_timeout, from.idle_timeout),
        "max_lifetime" => set(&mut into.max_lifetime, from.max_lifetime),
        "reauthentication_window" => {
            set(&mut into.reauthentication_window, from.reauthentication_window)
        }
        _ => false,
    }
}

fn set<T>(into: &mut T, from: T) -> bool {
    *into = from;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal() -> v1::Portal {
        v1::Portal {
            display_name: "Acme".to_owned(),
            mfa: Some(v1::MfaPolicy {
                enforced: true,
                enforced_from_time: Some(prost_types::Timestamp { seconds: 9, nanos: 0 }),
                issuer: "Acme Login".to_owned(),
                totp_skew_steps: Some(0),
            }),
            lockout: Some(v1::LockoutPolicy { max_failures: Some(5), lock_duration: None }),
            ..Default::default()
        }
    }

    fn merged(from: &v1::Portal, paths: &[&str]) -> Result<v1::Portal, AppError> {
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        let mut into = portal();
        merge(&mut into, from, &paths).map(|()| into)
    }

    #[test]
    fn what_is_not_named_stays_and_what_is_unset_takes_its_default() {
        let into = merged(&v1::Portal::default(), &["mfa.issuer", "lockout"]).unwrap();
        let mfa = into.mfa.unwrap();
        assert_eq!((mfa.enforced, mfa.issuer.as_str(), mfa.totp_skew_steps), (true, "", Some(0)));
        assert!(into.lockout.is_none());
        assert_eq!(into.display_name, "Acme");
    }

    /// In whatever order the two are named.
    #[test]
    fn removing_a_message_removes_its_members() {
        for paths in [["saml", "saml.sso_url"], ["saml.sso_url", "saml"]] {
            let mut into = v1::Portal { saml: Some(v1::SamlConfig::default()), ..portal() };
            merge(&mut into, &v1::Portal::default(), &paths.map(str::to_owned)).unwrap();
            assert!(into.saml.is_none(), "{paths:?}");
        }
    }

    #[test]
    fn clearing_enforcement_clears_its_date() {
        let mfa = merged(&v1::Portal::default(), &["mfa.enforced"]).unwrap().mfa.unwrap();
        assert!(!mfa.enforced && mfa.enforced_from_time.is_none());
    }

    #[test]
    fn refuses_paths_that_cannot_be_written() {
        let bad = [
            "*",
            "",
            "name",
            "etag",
            "create_time",
            "update_time",
            "password.effective_min_length",
            "session.effective_reauthentication_window",
            "mfa.",
            "mfa.nothing",
            "mfa.enforced.deeper",
            "nothing",
            "nothing.at_all",
            "displayName",
        ];
        for path in bad {
            let result = merged(&v1::Portal::default(), &["display_name", path]);
            let Err(AppError::RequestInvalid(fields)) = result else { panic!("{path:?}") };
            assert_eq!(fields.len(), 1, "{path:?}");
            assert_eq!(fields[0].field, "update_mask");
        }
        assert!(merged(&v1::Portal::default(), &[]).is_err());
    }

    #[test]
    fn every_setting_of_the_message_can_be_named() {
        for path in [
            "display_name",
            "mfa",
            "mfa.enforced",
            "mfa.enforced_from_time",
            "mfa.issuer",
            "mfa.totp_skew_steps",
            "saml",
            "saml.idp_entity_id",
            "saml.sso_url",
            "saml.idp_certificate",
            "password",
            "password.min_length",
            "lockout",
            "lockout.max_failures",
            "lockout.lock_duration",
            "session",
            "session.idle_timeout",
            "session.max_lifetime",
            "session.reauthentication_window",
        ] {
            assert!(merged(&portal(), &[path]).is_ok(), "{path}");
        }
    }
}
