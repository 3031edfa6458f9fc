# shellcheck shell=bash
# The steps of the enforced sign-in.

export email=ana@example.com password='correct horse battery'

set_up_portal() {
  key=$owner
  call AdminService/CreatePortal '{portalId: $ENV.caller, portal: {displayName: "Acme Billing"}}' \
    '.portal | .name == $ENV.portal and .displayName == "Acme Billing" and (.mfa.enforced | not)'
  call AdminService/CreateApiKey \
    '{apiKey: {displayName: "acme web", portal: {portal: $ENV.portal, access: "PORTAL_ACCESS_FULL"}}}' \
    '(.secret | test("^ghp_[A-Za-z0-9_-]{43}$")) and (.apiKey.name | startswith("apiKeys/"))
      and .apiKey.portal == {portal: $ENV.portal, access: "PORTAL_ACCESS_FULL"}'
  portal_key=$(field .secret)
  call AdminService/CreateCustomer \
    '{parent: $ENV.portal, customer: {email: $ENV.email}, password: $ENV.password}' \
    '.customer | (.name | startswith($ENV.portal + "/customers/")) and .email == $ENV.email
      and .hasPassword and .mfa.state == "MFA_STATE_DISABLED"'
  customer=$(field .customer.name)
  export customer

  local enforce
  enforce='portal: {name: $ENV.portal, mfa: {enforced: true}}, updateMask: '$(mask mfa.enforced)
  call AdminService/UpdatePortal "{$enforce, validateOnly: true}" \
    '.portal.mfa.enforced and .impact == {customers: 1, customersToEnroll: 1}'
  call AdminService/GetPortal '{name: $ENV.portal}' '.portal.mfa.enforced | not'
  call AdminService/UpdatePortal "{$enforce}" '.portal.mfa.enforced'

  key=$portal_key
  refused AdminService/GetPortal '{name: $ENV.portal}' 7 API_KEY_SCOPE
  key=${portal_key::-1}
  refused PortalAuthService/StartSignIn '{email: $ENV.email}' 16 API_KEY_INVALID
}

start_sign_in() {
  key=$portal_key
  call PortalAuthService/StartSignIn \
    '{email: $ENV.email, client: {ipAddress: "203.0.113.7", userAgent: "Firefox"}}' \
    '.signIn | keys == ["email", "expireTime", "password", "token"] and .email == $ENV.email
      and (.token | startswith("ghi_")) and .password == {}'
  token=$(field .signIn.token)
  export token
}

# Up to the step after the password, of which CONDITION holds: prove_password CONDITION
prove_password() {
  start_sign_in
  call PortalAuthService/VerifyPassword '{signInToken: $ENV.token, password: $ENV.password}' \
    ".signIn | (.token | test(\"^ghi_[A-Za-z0-9_-]{43}$\")) and .token != \$ENV.token and ($1)"
  token=$(field .signIn.token)
}

# The app's code at the time of enrollment, or some seconds later: code [SECONDS]
code() {
  oathtool --totp --base32 --now "@$((enrolled_at + ${1:-0}))" "$secret"
}

enroll_and_sign_in() {
  start_sign_in
  refused PortalAuthService/VerifyPassword \
    '{signInToken: $ENV.token, password: "incorrect horse battery"}' 16 CREDENTIALS_REJECTED
  prove_password 'keys == ["email", "enroll", "expireTime", "token"]
    and .enroll == {available: ["FACTOR_TYPE_TOTP"]}'
  refused PortalAuthService/FinishSignIn '{signInToken: $ENV.token}' 9 SIGN_IN_STEP

  call PortalAuthService/StartEnrollment '{signInToken: $ENV.token, totp: {}}' \
    '.signIn.enroll.pending | .state == "ENROLLMENT_STATE_PENDING" and (.totp.secret as $secret | .totp
      | .parameters == {algorithm: "TOTP_ALGORITHM_SHA1", digits: 6, periodSeconds: 30}
      and (.secret | test("^[A-Z2-7]{32}$"))
      and (.otpauthUri | startswith("otpauth://totp/Acme%20Billing:ana")
        and contains("issuer=Acme%20Billing") and contains("secret=" + $secret)))'
  secret=$(field .signIn.enroll.pending.totp.secret)
  enrolled_at=$(date +%s)
  field .signIn.enroll.pending.totp.qrSvg | rsvg-convert --output "$scratch/qr.png"
  [[ $(zbarimg --nodbus --quiet --raw "$scratch/qr.png") = "$(field .signIn.enroll.pending.totp.otpauthUri)" ]] ||
    fail 'the QR code does not read as the otpauth URI'

  export code
  code=$(code 3000)
  refused PortalAuthService/VerifyEnrollment '{signInToken: $ENV.token, totpCode: $ENV.code}' \
    16 CREDENTIALS_REJECTED
  refused PortalAuthService/EnableMfa '{signInToken: $ENV.token}' 9 ENROLLMENT_NOT_VERIFIED
  code=$(code)
  call PortalAuthService/VerifyEnrollment '{signInToken: $ENV.token, totpCode: $ENV.code}' \
    '.signIn.enroll.pending | .state == "ENROLLMENT_STATE_VERIFIED" and (.totp | keys) == ["parameters"]'
  call PortalAuthService/EnableMfa '{signInToken: $ENV.token}' '.signIn.backupCodes == {}'
  call PortalAuthService/GenerateBackupCodes '{signInToken: $ENV.token}' \
    '.signIn.backupCodes == {} and (.codes | unique | length) == 5
      and all(.codes[]; test("^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$"))'
  backup_code=$(field '.codes[2] | ascii_downcase | gsub("-"; " ")')
  export backup_code
  call PortalAuthService/FinishSignIn '{signInToken: $ENV.token}' "$multi_factor_session"' and
    .signIn.session.backupCodesRemaining == 5'
  first_session=$(field .signIn.session.token)
  validate "$first_session"
}

multi_factor_session='.signIn.session.session.assurance == "ASSURANCE_MULTI_FACTOR"
  and (.signIn.session.token | test("^ghs_[A-Za-z0-9_-]{43}$"))'

# Each code signs in once: the one that verified the enrollment never, the next one and one backup
# code each one time.
sign_in_again() {
  local at_second_factor='.secondFactor == {
    accepted: ["SECOND_FACTOR_TYPE_TOTP", "SECOND_FACTOR_TYPE_BACKUP_CODE"],
    totp: {algorithm: "TOTP_ALGORITHM_SHA1", digits: 6, periodSeconds: 30}}'
  local with_code='{signInToken: $ENV.token, totpCode: $ENV.code}'
  local with_backup_code='{signInToken: $ENV.token, backupCode: $ENV.backup_code}'

  prove_password "$at_second_factor"
  refused PortalAuthService/VerifySecondFactor "$with_code" 16 CREDENTIALS_REJECTED
  code=$(code 30)
  call PortalAuthService/VerifySecondFactor "$with_code" "$multi_factor_session"' and
    .signIn.session.backupCodesRemaining == 5'
  totp_session=$(field .signIn.session.token)
  refused PortalAuthService/GetSignIn '{signInToken: $ENV.token}' 16 SIGN_IN_INVALID

  prove_password "$at_second_factor"
  refused PortalAuthService/VerifySecondFactor "$with_code" 16 CREDENTIALS_REJECTED
  call PortalAuthService/VerifySecondFactor "$with_backup_code" "$multi_factor_session"' and
    .signIn.session.backupCodesRemaining == 4'

  prove_password "$at_second_factor"
  refused PortalAuthService/VerifySecondFactor "$with_backup_code" 16 CREDENTIALS_REJECTED
}

validate() {
  export session=$1
  call PortalAuthService/ValidateSession \
    '{sessionToken: $ENV.session, minAssurance: "ASSURANCE_MULTI_FACTOR"}' \
    '.session.assurance == "ASSURANCE_MULTI_FACTOR" and .customer == $ENV.customer and .email == $ENV.email
      and .session.client == {ipAddress: "203.0.113.7", userAgent: "Firefox"}'
}

sign_out() {
  validate "$totp_session"
  call PortalAuthService/SignOut '{sessionToken: $ENV.session}' '. == {sessionsEnded: 1}'
  refused PortalAuthService/ValidateSession '{sessionToken: $ENV.session}' 16 SESSION_INVALID
  call PortalAuthService/SignOut '{sessionToken: $ENV.session}' '. == {}'
  validate "$first_session"
}

# Takes the factor and the sessions away; the next sign-in has to enroll again.
reset() {
  key=$owner
  call AdminService/ResetCustomerMfa '{name: $ENV.customer, reason: "lost phone"}' \
    '.sessionsEnded == 2 and .customer.name == $ENV.customer and .customer.mfa.state == "MFA_STATE_DISABLED"'
  key=$portal_key
  refused PortalAuthService/ValidateSession '{sessionToken: $ENV.session}' 16 SESSION_INVALID
  prove_password '.enroll == {available: ["FACTOR_TYPE_TOTP"]}'
}
