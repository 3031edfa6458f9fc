//! Which events, as the address says it.

use gatehouse_api::v1::{AuditEventFilter, ListAuditEventsRequest};
use serde::{Deserialize, Serialize};

use super::PATH;
use crate::console::errors::Errors;
use crate::console::parts::ROWS;
use crate::console::resource::path_with;
use crate::time;

/// What is empty does not filter.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Filter {
    /// The customer's email address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub customer: String,
    /// The first words of a type.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// As a form field gives it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub start_time: String,
    /// As a form field gives it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub end_time: String,
    /// From gatehouse, which sealed it: it is no secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    page_token: String,
}

impl Filter {
    /// The request for events of a resource.
    ///
    /// # Errors
    /// Times that are none.
    pub fn request(&self, resource: String) -> Result<ListAuditEventsRequest, Errors> {
        let mut errors = Errors::default();
        let start_time = read(&mut errors, "start_time", &self.start_time);
        let end_time = read(&mut errors, "end_time", &self.end_time);
        if let (Some(start), Some(end)) = (&start_time, &end_time)
            && end.seconds <= start.seconds
        {
            errors.note("end_time", "After the time in From.");
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let types = Some(self.kind.clone()).filter(|kind| !kind.is_empty());
        let types = types.into_iter().collect();
        Ok(ListAuditEventsRequest {
            filter: Some(AuditEventFilter { resource, types, ..AuditEventFilter::default() }),
            start_time,
            end_time,
            page_size: ROWS,
            page_token: self.page_token.clone(),
        })
    }

    /// The same events, from a page on.
    pub fn path(&self, page_token: String) -> String {
        path_with(PATH, &Self { page_token, ..self.clone() })
    }

    /// Whether it asks for the newest.
    pub const fn is_at_first_page(&self) -> bool {
        self.page_token.is_empty()
    }
}

fn read(errors: &mut Errors, field: &'static str, text: &str) -> Option<prost_types::Timestamp> {
    if text.is_empty() {
        return None;
    }
    let time = time::from_input(text);
    if time.is_none() {
        errors.note(field, time::INPUT_RULE);
    }
    time.map(time::message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_none_are_told_beside_their_fields() {
        let filter = Filter {
            start_time: "yesterday".into(),
            end_time: "2026-12-01T14:05".into(),
            ..Filter::default()
        };
        let Err(errors) = filter.request("portals/acme".into()) else { panic!() };
        assert!(!errors.of("start_time").is_empty() && errors.of("end_time").is_empty());
    }

    #[test]
    fn what_ends_before_it_begins_is_told_beside_the_end() {
        let filter = Filter {
            start_time: "2026-12-01T14:05".into(),
            end_time: "2026-12-01T14:05".into(),
            ..Filter::default()
        };
        let Err(errors) = filter.request("portals/acme".into()) else { panic!() };
        assert!(!errors.of("end_time").is_empty() && errors.of("start_time").is_empty());
    }

    #[test]
    fn what_is_empty_does_not_filter() {
        let request = Filter::default().request("portals/acme".into()).unwrap();
        assert_eq!((request.start_time, request.end_time), (None, None));
        assert!(request.filter.unwrap().types.is_empty());
    }

    #[test]
    fn the_next_page_is_of_the_same_events() {
        let filter =
            Filter { customer: "a+b@example.com".into(), kind: "mfa".into(), ..Filter::default() };
        let path = filter.path("t".into());
        assert_eq!(path, "/audit?customer=a%2Bb%40example.com&type=mfa&page_token=t");
    }
}
