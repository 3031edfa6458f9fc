# shellcheck shell=bash
# What an administrator does: the policy, and help for customers.

before() {
  page 'Before: a portal with two customers and no MFA'
  admin_key=$(gatehouse create-owner-key)
  as administrator
  call AdminService/CreatePortal \
    '{portalId: "acme", portal: {displayName: "Acme Billing", lockout: {maxFailures: 3}}}' \
    '.portal.name == $ENV.portal and (.portal.mfa.enforced | not)'
  call AdminService/CreateApiKey \
    '{apiKey: {displayName: "acme web", portal: {portal: $ENV.portal, access: "PORTAL_ACCESS_FULL"}}}' \
    '.secret | startswith("ghp_")'
  portal_key=$(field .secret)
  export email
  for email in "$ana_email" "$ben_email"; do
    call AdminService/CreateCustomer \
      '{parent: $ENV.portal, customer: {email: $ENV.email}, password: $ENV.password}' \
      '.customer.mfa.state == "MFA_STATE_DISABLED"'
    [[ $email = "$ben_email" ]] || ana=$(field .customer.name)
  done
  export ana
  see 'Ben signs in; his password is enough.'
  prove_password '.session.session.assurance == "ASSURANCE_PASSWORD"' \
    '"signed in: \(.signIn.session.session.assurance)"'
  ben_session=$(field .signIn.session.token)
}

enforce() {
  page 'The administrator enforces MFA'
  as administrator
  local change='portal: {name: $ENV.portal, mfa: {enforced: true}}, updateMask: {paths: ["mfa.enforced"]}'
  step 'See first what it would mean. Nothing changes yet.'
  call AdminService/UpdatePortal "{$change, validateOnly: true}" \
    '.impact == {customers: 2, customersToEnroll: 2, weakerSessions: 1}' \
    '.impact | to_entries[] | "\(.key): \(.value)"'
  call AdminService/GetPortal '{name: $ENV.portal}' '.portal.mfa.enforced | not'
  step 'Enforce it.'
  call AdminService/UpdatePortal "{$change}" '.portal.mfa.enforced' '"enforced: \(.portal.mfa.enforced)"'
}

lock() {
  page 'Too many wrong codes'
  export email=$ana_email
  step "Three wrong codes in a row, as this portal's policy has it, and Ana has to wait."
  prove_password '.secondFactor'
  code 3000
  local left
  for left in 2 1 0; do
    refused PortalAuthService/VerifySecondFactor "$with_code" CREDENTIALS_REJECTED \
      ".attempts_remaining == \"$left\""
  done
  refused PortalAuthService/VerifySecondFactor "$with_code" SIGN_IN_LOCKED 'has("retry_at")'
  step 'The administrator sees it and ends it.'
  as administrator
  call AdminService/GetCustomer '{name: $ENV.ana}' '.customer.lock.failures == 3' \
    '.customer.lock | "locked until \(.untilTime) after \(.failures) wrong codes"'
  call AdminService/UnlockCustomer '{name: $ENV.ana}' '.customer.lock == null' '"unlocked"'
  as portal
  backup_code=$(sed -n 2p <<<"$backup_codes")
  call PortalAuthService/VerifySecondFactor "$with_backup_code" "$multi_factor" "$signed_in"
}

lost_phone() {
  page 'A lost phone'
  step 'The administrator resets MFA and says why. Every session of Ana ends.'
  as administrator
  call AdminService/ResetCustomerMfa '{name: $ENV.ana, reason: "lost phone, identified by telephone"}' \
    '.customer.mfa.state == "MFA_STATE_DISABLED" and .sessionsEnded == 4' \
    '"\(.customer.mfa.state), sessions ended: \(.sessionsEnded)"'
  as portal
  export session=$ana_session
  refused PortalAuthService/ValidateSession "$in_session" SESSION_INVALID '.session_end == "mfa_reset"'
  step 'At the next sign-in Ana sets up the new phone.'
  prove_password '.enroll == {available: ["FACTOR_TYPE_TOTP"]}' '"next: enroll"'
  start_enrollment
  code 0
  call PortalAuthService/VerifyEnrollment "$with_code" '.signIn.enroll.pending.state == "ENROLLMENT_STATE_VERIFIED"'
  call PortalAuthService/EnableMfa '{signInToken: $ENV.sign_in}' '.signIn.backupCodes == {}'
  call PortalAuthService/FinishSignIn '{signInToken: $ENV.sign_in}' "$multi_factor" "$signed_in"
}

audit() {
  page 'Who did what'
  step "Ana's MFA, the newest first: her own doing, and the administrator's."
  as administrator
  call AdminService/ListAuditEvents '{filter: {resource: $ENV.ana, types: ["mfa", "customer.unlocked"]}}' \
    '[.auditEvents[] | select(.type | test("enrollment") | not) | .type]
      == ["mfa.enabled", "mfa.reset", "customer.unlocked", "mfa.enabled"]' \
    '.auditEvents[] | "\(.eventTime[11:19])  \(.type)  by \(.claimedActor // .apiKeyDisplayName)\(
      if .attributes.reason then ": " + .attributes.reason else "" end)"'
  jq --exit-status '.auditEvents[] | select(.type == "mfa.reset")
    | .claimedActor == "gina@acme.example" and .attributes.sessions_ended == "4"' <<<"$answer" >/dev/null ||
    fail "not the administrator's reset: $answer"
}
