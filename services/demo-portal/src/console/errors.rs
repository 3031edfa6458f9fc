//! What is wrong with a form, beside its fields.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::ErrorReason;
use maud::Markup;
use tonic::Status;

use super::refused::Refused;
use crate::gatehouse::Refusal;

/// What is wrong with which field. Forms name their fields as gatehouse's messages do, so that what it
/// says about one finds its place.
#[derive(Debug, Default)]
pub struct Errors(Vec<(&'static str, String)>);

impl Errors {
    /// What gatehouse refused about a form with these fields.
    ///
    /// # Errors
    /// Whatever has nothing to do with them.
    pub fn of_form(status: Status, fields: &[&'static str]) -> Result<Self, Refused> {
        let refusal = Refusal::from(status);
        let told = match refusal.reason {
            ErrorReason::RequestInvalid
            | ErrorReason::PasswordPolicy
            | ErrorReason::ResourceExists => {
                fields.iter().filter_map(|name| Some((*name, refusal.field(name)?))).collect()
            }
            _ => Vec::new(),
        };
        if told.is_empty() { Err(Refused(refusal)) } else { Ok(Self(told)) }
    }

    /// One thing that is wrong.
    pub fn one(field: &'static str, text: &str) -> Self {
        Self(vec![(field, text.to_owned())])
    }

    /// Notes what is wrong with a field.
    pub fn note(&mut self, field: &'static str, text: &str) {
        self.0.push((field, text.to_owned()));
    }

    /// What is wrong with a field. Empty: nothing.
    pub fn of(&self, field: &str) -> &str {
        self.0.iter().find(|(name, _)| *name == field).map_or("", |(_, text)| text)
    }

    /// Is anything wrong?
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form's page, by the status that says whether it was taken.
    pub fn answer(&self, page: Markup) -> Response {
        let status =
            if self.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        (status, page).into_response()
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn invalid(field: &str) -> Status {
        let mut details = ErrorDetails::new();
        details
            .set_error_info("ERROR_REASON_REQUEST_INVALID", "gatehouse.v1", [])
            .add_bad_request_violation(field, "must be 3 to 20");
        Status::with_error_details(Code::InvalidArgument, "", details)
    }

    #[test]
    fn what_is_wrong_with_a_field_stands_beside_it() {
        let fields = ["issuer", "max_failures"];
        let errors = Errors::of_form(invalid("portal.lockout.max_failures"), &fields);
        let Ok(errors) = errors else { panic!() };
        assert_eq!(errors.of("max_failures"), "Must be 3 to 20.");
        assert_eq!(errors.of("issuer"), "");
        assert_eq!(errors.answer(Markup::default()).status(), 422);
        assert_eq!(Errors::default().answer(Markup::default()).status(), 200);
    }

    #[test]
    fn what_no_field_shows_is_no_matter_of_the_form() {
        assert!(Errors::of_form(invalid("page_token"), &["email"]).is_err());
        assert!(Errors::of_form(Status::unavailable("email"), &["email"]).is_err());
    }
}
