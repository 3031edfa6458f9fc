//! PortalAuthService, a file for each part of it.

mod mfa;
mod sessions;
mod sign_in;

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_api::v1::portal_auth_service_server::PortalAuthService;
use tonic::{Request, Response, Status};

use crate::app::App;

/// What a portal's own backend calls.
pub struct PortalAuthRpc {
    app: Arc<App>,
}

impl PortalAuthRpc {
    /// The service of `app`.
    #[must_use]
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

grpc_service! {
    PortalAuthService for PortalAuthRpc;
    methods {
        get_own_portal: GetOwnPortalRequest -> GetOwnPortalResponse,
        start_sign_in: StartSignInRequest -> StartSignInResponse,
        get_sign_in: GetSignInRequest -> GetSignInResponse,
        verify_password: VerifyPasswordRequest -> VerifyPasswordResponse,
        verify_second_factor: VerifySecondFactorRequest -> VerifySecondFactorResponse,
        request_invitation: RequestInvitationRequest -> RequestInvitationResponse,
        accept_invitation: AcceptInvitationRequest -> AcceptInvitationResponse,
        get_mfa: GetMfaRequest -> GetMfaResponse,
        start_enrollment: StartEnrollmentRequest -> StartEnrollmentResponse,
        verify_enrollment: VerifyEnrollmentRequest -> VerifyEnrollmentResponse,
        delete_enrollment: DeleteEnrollmentRequest -> DeleteEnrollmentResponse,
        enable_mfa: EnableMfaRequest -> EnableMfaResponse,
        disable_mfa: DisableMfaRequest -> DisableMfaResponse,
        generate_backup_codes: GenerateBackupCodesRequest -> GenerateBackupCodesResponse,
        finish_sign_in: FinishSignInRequest -> FinishSignInResponse,
        validate_session: ValidateSessionRequest -> ValidateSessionResponse,
        reauthenticate_session: ReauthenticateSessionRequest -> ReauthenticateSessionResponse,
        list_own_sessions: ListOwnSessionsRequest -> ListOwnSessionsResponse,
        sign_out: SignOutRequest -> SignOutResponse,
        change_password: ChangePasswordRequest -> ChangePasswordResponse,
    }
    other {}
}
