# shellcheck shell=bash
# What a signed-in customer does about their own MFA: Ben, whose session is older than the policy.

in_session='{sessionToken: $ENV.session}'
state='.mfa | "\(.state), \(.backupCodesRemaining // 0) backup codes"'

set_up_in_session() {
  call PortalAuthService/StartEnrollment '{sessionToken: $ENV.session, totp: {}}' \
    '.mfa.pending.state == "ENROLLMENT_STATE_PENDING"' ".mfa.pending.totp | $set_up"
  scan .mfa
  code 0
  see "the app shows $code"
  call PortalAuthService/VerifyEnrollment '{sessionToken: $ENV.session, totpCode: $ENV.code}' \
    '.mfa.pending.state == "ENROLLMENT_STATE_VERIFIED"' '.mfa.pending.state'
}

my_account() {
  page 'My Account'
  as portal
  export session=$ben_session
  step 'Ben signed in before: his session goes on, and My Account says what is asked of him.'
  call PortalAuthService/GetMfa "$in_session" \
    '.mfa == {state: "MFA_STATE_DISABLED", enforced: true, available: ["FACTOR_TYPE_TOTP"]}' \
    '.mfa | "\(.state), enforced: \(.enforced)"'
  refused PortalAuthService/ValidateSession \
    '{sessionToken: $ENV.session, minAssurance: "ASSURANCE_MULTI_FACTOR"}' MFA_NOT_ENABLED

  step 'Set up: scan, enter the code, Verify, Enable MFA. The session is multi-factor from then on.'
  set_up_in_session
  call PortalAuthService/EnableMfa "$in_session" '.mfa.state == "MFA_STATE_ENABLED"' "$state"
  valid "$session"
  step 'Generate backup codes.'
  call PortalAuthService/GenerateBackupCodes "$in_session" '.mfa.backupCodesRemaining == 5' '.codes[]'
  local old_codes old_secret=$secret old_scanned_at=$scanned_at
  old_codes=$(field '.codes[]')

  step 'Change Configuration: the old app works until the new one is enabled.'
  set_up_in_session
  local new_secret=$secret new_scanned_at=$scanned_at
  secret=$old_secret scanned_at=$old_scanned_at
  code 30
  see "the old app shows $code, and it still signs in"
  export email=$ben_email
  prove_password '.secondFactor'
  call PortalAuthService/VerifySecondFactor "$with_code" "$multi_factor" "$signed_in"
  call PortalAuthService/EnableMfa "$in_session" \
    '.mfa.state == "MFA_STATE_ENABLED" and .mfa.backupCodesRemaining == 5' "$state"
  see 'from now on it does not'
  prove_password '.secondFactor'
  refused PortalAuthService/VerifySecondFactor "$with_code" CREDENTIALS_REJECTED '.attempts_remaining == "2"'
  secret=$new_secret scanned_at=$new_scanned_at

  step 'New backup codes: the earlier ones are worth nothing then.'
  call PortalAuthService/GenerateBackupCodes "$in_session" '.mfa.backupCodesRemaining == 5' '.codes[]'
  local new_codes
  new_codes=$(field '.codes[]')
  export backup_code=${old_codes%%$'\n'*}
  refused PortalAuthService/VerifySecondFactor "$with_backup_code" CREDENTIALS_REJECTED '.attempts_remaining == "1"'
  step 'Before something that matters, a portal asks for a fresh proof.'
  refused PortalAuthService/ValidateSession '{sessionToken: $ENV.session, maxAuthenticationAge: "0s"}' \
    REAUTHENTICATION_REQUIRED '.accepted == "totp_code,backup_code"'
  backup_code=${new_codes%%$'\n'*}
  call PortalAuthService/ReauthenticateSession '{sessionToken: $ENV.session, backupCode: $ENV.backup_code}' \
    '.session.assurance == "ASSURANCE_MULTI_FACTOR"' '"proven at \(.session.authenticationTime)"'
  step 'Disable MFA: not while the portal enforces it.'
  refused PortalAuthService/DisableMfa "$in_session" MFA_ENFORCED
  step 'Sign out everywhere else.'
  call PortalAuthService/SignOut '{sessionToken: $ENV.session, otherSessions: {}}' '.sessionsEnded == 1' \
    '"sessions ended: \(.sessionsEnded)"'
}
