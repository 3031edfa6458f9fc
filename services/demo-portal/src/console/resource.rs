//! Names of gatehouse's resources, and the paths that stand for them on this site. Ids go into a name as
//! they came in a path: gatehouse checks them.

use serde::Serialize;

/// `portals/acme/customers/ana`
pub fn customer(portal: &str, id: &str) -> String {
    format!("{portal}/customers/{id}")
}

/// `portals/acme/customers/ana/sessions/…`
pub fn session(portal: &str, customer_id: &str, id: &str) -> String {
    format!("{}/sessions/{id}", customer(portal, customer_id))
}

/// The id of the customer that a name is of, or below. None of what belongs to no customer.
pub fn customer_id(name: &str) -> Option<&str> {
    match *name.split('/').collect::<Vec<_>>() {
        ["portals", _, "customers", id, ..] => Some(id),
        _ => None,
    }
}

/// The id of the session that a name is of.
pub fn session_id(name: &str) -> Option<&str> {
    match *name.split('/').collect::<Vec<_>>() {
        ["portals", _, "customers", _, "sessions", id] => Some(id),
        _ => None,
    }
}

/// Where a customer's page is. An id is of letters, digits and dashes: there is nothing to encode.
pub fn customer_path(id: &str) -> String {
    format!("/customers/{id}")
}

/// A path with a query, where there is one to ask.
pub fn path_with(path: &str, query: &impl Serialize) -> String {
    match serde_urlencoded::to_string(query) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_back_its_ids() {
        let name = session("portals/acme", "ana", "s1");
        assert_eq!(name, "portals/acme/customers/ana/sessions/s1");
        assert_eq!((customer_id(&name), session_id(&name)), (Some("ana"), Some("s1")));
        let name = customer("portals/customers", "sessions");
        assert_eq!((customer_id(&name), session_id(&name)), (Some("sessions"), None));
        for name in ["", "portals/acme", "portals/acme/customers"] {
            assert_eq!((customer_id(name), session_id(name)), (None, None), "{name}");
        }
    }

    #[test]
    fn a_query_is_encoded() {
        let query = vec![("email", "a+b&c@example.com"), ("mfa", "")];
        let path = path_with("/customers", &query);
        assert_eq!(path, "/customers?email=a%2Bb%26c%40example.com&mfa=");
        assert_eq!(path_with("/customers", &Vec::<(&str, &str)>::new()), "/customers");
    }
}
