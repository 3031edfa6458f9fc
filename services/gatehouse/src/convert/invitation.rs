//! invitation.proto

use gatehouse_api::v1;

use super::fields::timestamp;
use crate::usecase::invitations::IssuedInvitation;

/// The message.
#[must_use]
pub fn message(issued: &IssuedInvitation) -> v1::Invitation {
    v1::Invitation {
        token: issued.token.expose().to_owned(),
        expire_time: Some(timestamp(issued.expires_at)),
        email: issued.email.to_string(),
    }
}
