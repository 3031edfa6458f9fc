# shellcheck shell=bash
# What a customer sees while signing in.

# Email and password; CONDITION holds of the sign-in then: prove_password CONDITION [VIEW]
prove_password() {
  as portal
  call PortalAuthService/StartSignIn \
    '{email: $ENV.email, client: {ipAddress: "203.0.113.7", userAgent: "Firefox"}}' '.signIn.password'
  sign_in=$(field .signIn.token)
  export sign_in
  call PortalAuthService/VerifyPassword '{signInToken: $ENV.sign_in, password: $ENV.password}' \
    ".signIn | $1" "${2-}"
  sign_in=$(field .signIn.token)
}

with_code='{signInToken: $ENV.sign_in, totpCode: $ENV.code}'
with_backup_code='{signInToken: $ENV.sign_in, backupCode: $ENV.backup_code}'
multi_factor='.signIn.session.session.assurance == "ASSURANCE_MULTI_FACTOR"'
signed_in='.signIn.session | "signed in: \(.session.assurance), \(.backupCodesRemaining // 0) backup codes left"'
set_up='"key to type in:  \(.secret)",
  "in the QR code:   \(.otpauthUri)",
  "QR code:          an SVG picture of \(.qrSvg | length) bytes"'

first_sign_in() {
  page 'The first sign-in: set up the authenticator app'
  step 'Enter the email.'
  as portal
  export email=$ana_email
  call PortalAuthService/StartSignIn \
    '{email: $ENV.email, client: {ipAddress: "203.0.113.7", userAgent: "Firefox"}}' '.signIn.password' \
    '"next: password"'
  sign_in=$(field .signIn.token)
  export sign_in
  step 'Enter the password. A wrong one is answered as an unknown email is.'
  refused PortalAuthService/VerifyPassword \
    '{signInToken: $ENV.sign_in, password: "incorrect horse battery"}' CREDENTIALS_REJECTED '. == {}'
  call PortalAuthService/VerifyPassword '{signInToken: $ENV.sign_in, password: $ENV.password}' \
    '.signIn.enroll == {available: ["FACTOR_TYPE_TOTP"]}' \
    '"next: enroll, with an authenticator app"'
  sign_in=$(field .signIn.token)

  step 'Choose the authenticator app and scan the QR code, or type the key in.'
  start_enrollment
  local first=$secret
  step 'Enter a code and Verify. A wrong one changes nothing: the QR code stays as it is.'
  code 3000
  refused PortalAuthService/VerifyEnrollment "$with_code" CREDENTIALS_REJECTED '.attempts_remaining == "4"'
  call PortalAuthService/GetSignIn '{signInToken: $ENV.sign_in}' \
    '.signIn.enroll.pending.state == "ENROLLMENT_STATE_PENDING"'
  [[ $(field .signIn.enroll.pending.totp.secret) = "$first" ]] || fail 'another key'

  step 'Change Configuration: another QR code, for another phone.'
  start_enrollment
  [[ $secret != "$first" ]] || fail 'the same key'
  step 'Delete Configuration: nothing is set up any more, and MFA is still asked for.'
  call PortalAuthService/DeleteEnrollment '{signInToken: $ENV.sign_in}' \
    '.signIn.enroll == {available: ["FACTOR_TYPE_TOTP"]}' '"next: enroll, nothing pending"'

  step 'Set up the authenticator app again, enter its code and Verify.'
  start_enrollment
  refused PortalAuthService/EnableMfa '{signInToken: $ENV.sign_in}' ENROLLMENT_NOT_VERIFIED
  code 0
  see "the app shows $code"
  call PortalAuthService/VerifyEnrollment "$with_code" \
    '.signIn.enroll.pending | .state == "ENROLLMENT_STATE_VERIFIED" and (.totp | has("secret") | not)' \
    '"\(.signIn.enroll.pending.state); the key is shown no more"'
  step 'Enable MFA.'
  call PortalAuthService/EnableMfa '{signInToken: $ENV.sign_in}' '.signIn.backupCodes == {}' \
    '"next: backup codes"'
  step 'Generate backup codes and keep them: they are shown this once.'
  call PortalAuthService/GenerateBackupCodes '{signInToken: $ENV.sign_in}' \
    '.codes | unique | length == 5' '.codes[]'
  backup_codes=$(field '.codes[]')
  step 'Continue to Sign In.'
  call PortalAuthService/FinishSignIn '{signInToken: $ENV.sign_in}' "$multi_factor" "$signed_in"
  session=$(field .signIn.session.token)
  step 'With every request the portal asks whether the session is good enough.'
  valid "$session"
  ana_session=$session
}

start_enrollment() {
  call PortalAuthService/StartEnrollment '{signInToken: $ENV.sign_in, totp: {}}' \
    '.signIn.enroll.pending.state == "ENROLLMENT_STATE_PENDING"' ".signIn.enroll.pending.totp | $set_up"
  scan .signIn.enroll
}

valid() {
  export session=$1
  call PortalAuthService/ValidateSession \
    '{sessionToken: $ENV.session, minAssurance: "ASSURANCE_MULTI_FACTOR"}' \
    '.session.assurance == "ASSURANCE_MULTI_FACTOR"' '"\(.email): \(.session.assurance)"'
}

next_sign_ins() {
  page 'Every further sign-in: enter a code'
  local asked='.secondFactor.accepted == ["SECOND_FACTOR_TYPE_TOTP", "SECOND_FACTOR_TYPE_BACKUP_CODE"]'
  step 'Email and password, then the code that the app shows.'
  prove_password "$asked" '"next: second factor, of \(.signIn.secondFactor.totp.digits) digits"'
  code 30
  see "the app shows $code"
  call PortalAuthService/VerifySecondFactor "$with_code" "$multi_factor" "$signed_in"
  step 'Each code works once.'
  prove_password "$asked"
  refused PortalAuthService/VerifySecondFactor "$with_code" CREDENTIALS_REJECTED
  step 'Without the phone a backup code will do, however it is typed; each of them once.'
  backup_code=$(sed -n 1p <<<"$backup_codes" | tr 'A-Z-' 'a-z ')
  export backup_code
  call PortalAuthService/VerifySecondFactor "$with_backup_code" \
    "$multi_factor"' and .signIn.session.backupCodesRemaining == 4' "$signed_in"
  prove_password "$asked"
  refused PortalAuthService/VerifySecondFactor "$with_backup_code" CREDENTIALS_REJECTED
}
