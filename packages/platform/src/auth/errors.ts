import { defineErrors } from '../kernel/index.ts'

/**
 * Failures under GoTrue's codes and messages (supabase.com/docs/guides/auth/debugging/error-codes and its OpenAPI
 * file). The client sees code and message; hints are for the documentation.
 */
export const authErrors = defineErrors({
  validation_failed: {
    status: 400,
    message: '{problem}',
    hint: 'Correct the field that the message names.',
  },
  bad_json: {
    status: 400,
    message: '{problem}',
    hint: 'Send one JSON object as the body.',
  },
  no_authorization: {
    status: 401,
    message: 'This endpoint requires a valid Bearer token',
    hint: 'Send the access token of a signed-in user in the Authorization header.',
  },
  bad_jwt: {
    status: 403,
    message: '{problem}',
    hint: 'Sign in again, or send the user’s access token instead of an API key.',
  },
  not_admin: {
    status: 403,
    message: 'User not allowed',
    hint: 'Call this with the service role key, from a server only.',
  },
  session_not_found: {
    status: 403,
    message: 'Session from session_id claim in JWT does not exist',
    hint: 'The session was signed out or ended because a used refresh token came back. Sign in again.',
  },
  session_expired: {
    status: 400,
    message: 'Invalid Refresh Token: Session Expired',
    hint: 'Sign in again.',
  },
  user_not_found: {
    status: 404,
    message: 'User not found',
    hint: 'Check the id; the account may have been deleted.',
  },
  user_banned: {
    status: 400,
    message: 'User is banned',
    hint: 'An administrator lifts a ban with ban_duration "none".',
  },
  invalid_credentials: {
    status: 400,
    message: 'Invalid login credentials',
    hint: 'The address is unknown or the password is wrong; which of the two is not said.',
  },
  email_not_confirmed: {
    status: 400,
    message: 'Email not confirmed',
    hint: 'An administrator confirms an address with email_confirm.',
  },
  phone_not_confirmed: {
    status: 400,
    message: 'Phone not confirmed',
    hint: 'Enter the code that was sent to the number.',
  },
  phone_exists: {
    status: 422,
    message: 'A user with this phone number has already been registered',
    hint: 'Choose another number.',
  },
  reauthentication_needed: {
    status: 400,
    message: 'Password update requires reauthentication',
    hint: 'Ask for a code with reauthenticate() and send it as nonce.',
  },
  reauthentication_not_valid: {
    status: 422,
    message: 'Nonce has expired or is invalid',
    hint: 'Ask for another code with reauthenticate().',
  },
  insufficient_aal: {
    status: 403,
    message: '{problem}',
    hint: 'Verify a second factor first.',
  },
  refresh_token_not_found: {
    status: 400,
    message: 'Invalid Refresh Token: Refresh Token Not Found',
    hint: 'The session was signed out or never existed. Sign in again.',
  },
  refresh_token_already_used: {
    status: 400,
    message: 'Invalid Refresh Token: Already Used',
    hint: 'A used token came back, so somebody else may have it: the whole session is over. Sign in again.',
  },
  user_already_exists: {
    status: 422,
    message: 'User already registered',
    hint: 'Sign in instead.',
  },
  email_exists: {
    status: 422,
    message: 'A user with this email address has already been registered',
    hint: 'Choose another address.',
  },
  weak_password: {
    status: 422,
    message: '{problem}',
    hint: 'Choose a longer password, with characters of every kind that the project asks for.',
  },
  same_password: {
    status: 422,
    message: 'New password should be different from the old password.',
    hint: 'Choose another password.',
  },
  signup_disabled: {
    status: 422,
    message: 'Signups not allowed for this instance',
    hint: 'An administrator makes accounts with the service role key.',
  },
  anonymous_provider_disabled: {
    status: 422,
    message: 'Anonymous sign-ins are disabled',
    hint: 'Sign up with e-mail and password, or switch anonymous sign-ins on for the project.',
  },
  email_provider_disabled: {
    status: 422,
    message: '{feature} is not possible: this project sends no mail, or takes no e-mail addresses',
    hint: 'Set smtpHost, or externalEmailEnabled; an administrator sets passwords and addresses with the service role key.',
  },
  phone_provider_disabled: {
    status: 422,
    message: 'Phone logins are disabled',
    hint: 'Use e-mail and password, or switch externalPhoneEnabled on.',
  },
  otp_expired: {
    status: 403,
    message: '{problem}',
    hint: 'Codes and links are good once and for a while; five wrong codes end one. Ask for another.',
  },
  provider_disabled: {
    status: 400,
    message: 'Provider is not enabled',
    hint: 'Use e-mail and password.',
  },
  web3_provider_disabled: {
    status: 422,
    message: 'Web3 provider is disabled',
    hint: 'Use e-mail and password.',
  },
  flow_state_not_found: {
    status: 404,
    message: 'invalid flow state, no valid flow state found',
    hint: 'A code is good once and for five minutes. Begin again.',
  },
  flow_state_expired: {
    status: 403,
    message: 'invalid flow state, flow state has expired',
    hint: 'A code is good for five minutes. Begin again.',
  },
  bad_code_verifier: {
    status: 403,
    message: 'code challenge does not match previously saved code verifier',
    hint: 'Exchange the code in the browser that began the flow.',
  },
  provider_email_needs_verification: {
    status: 403,
    message: 'Unverified email with {provider}',
    hint: 'Confirm the address at the provider first.',
  },
  bad_oauth_state: {
    status: 400,
    message: 'OAuth state is invalid',
    hint: 'Begin again, in the same browser; a sign-in at a provider is good once and for ten minutes.',
  },
  bad_oauth_callback: {
    status: 400,
    message: '{problem}',
    hint: 'Begin again.',
  },
  identity_already_exists: {
    status: 422,
    message: 'Identity is already linked',
    hint: 'Sign in with it, or remove it from the other account first.',
  },
  identity_not_found: {
    status: 404,
    message: "Identity doesn't exist",
    hint: 'Check the id.',
  },
  single_identity_not_deletable: {
    status: 422,
    message: 'User must have at least 1 identity after unlinking',
    hint: 'Link another identity first.',
  },
  passkey_disabled: {
    status: 404,
    message: 'Passkeys are disabled',
    hint: 'Use a password, a link or a second factor.',
  },
  feature_disabled: {
    status: 404,
    message: '{feature} disabled',
    hint: 'This server does not have it.',
  },
  saml_provider_disabled: {
    status: 422,
    message: 'SAML 2.0 is disabled',
    hint: 'Use e-mail and password.',
  },
  manual_linking_disabled: {
    status: 404,
    message: 'Manual linking is disabled',
    hint: 'Switch securityManualLinkingEnabled on.',
  },
  mfa_totp_enroll_not_enabled: {
    status: 422,
    message: 'MFA enroll is disabled for TOTP',
    hint: 'Switch mfaTotpEnrollEnabled on.',
  },
  mfa_totp_verify_not_enabled: {
    status: 422,
    message: 'MFA verification is disabled for TOTP',
    hint: 'Switch mfaTotpVerifyEnabled on.',
  },
  mfa_phone_enroll_not_enabled: {
    status: 422,
    message: 'MFA enroll is disabled for Phone',
    hint: 'Switch mfaPhoneEnrollEnabled on.',
  },
  mfa_phone_verify_not_enabled: {
    status: 422,
    message: 'MFA verification is disabled for Phone',
    hint: 'Switch mfaPhoneVerifyEnabled on.',
  },
  mfa_webauthn_enroll_not_enabled: {
    status: 422,
    message: 'MFA enroll is disabled for WebAuthn',
    hint: 'Use an authenticator app.',
  },
  mfa_recovery_codes_sole_factor: {
    status: 422,
    message: 'Recovery codes cannot be the only verified factor',
    hint: 'Enroll an authenticator app first; remove the recovery codes before the last other factor.',
  },
  mfa_recovery_codes_enroll_not_enabled: {
    status: 422,
    message: 'MFA enroll is disabled for recovery codes',
    hint: 'Switch mfaRecoveryCodesEnabled on.',
  },
  mfa_factor_not_found: {
    status: 404,
    message: 'MFA factor not found',
    hint: 'Check the id; the factor may be somebody else’s or gone.',
  },
  mfa_factor_name_conflict: {
    status: 422,
    message: 'A factor with this friendly name for this user already exists',
    hint: 'Choose another name.',
  },
  mfa_verified_factor_exists: {
    status: 422,
    message: 'A verified phone factor already exists, unenroll the existing factor to continue',
    hint: 'Remove the factor first.',
  },
  too_many_enrolled_mfa_factors: {
    status: 422,
    message: 'Maximum number of verified factors reached, unenroll to continue',
    hint: 'Remove a factor first.',
  },
  mfa_challenge_expired: {
    status: 422,
    message: 'MFA challenge has expired, verify against another challenge or create a new challenge.',
    hint: 'Challenge the factor again.',
  },
  mfa_verification_failed: {
    status: 422,
    message: 'Invalid code entered',
    hint: 'Codes are good once. Wait for the next one, and check the clock of the device.',
  },
  over_request_rate_limit: {
    status: 429,
    message: 'Request rate limit reached',
    hint: 'Try again after the seconds that Retry-After gives.',
  },
  over_email_send_rate_limit: {
    status: 429,
    message: 'For security purposes, you can only request this after {seconds} seconds.',
    hint: 'One address gets one mail in a while; wait the seconds that Retry-After gives.',
  },
  over_sms_send_rate_limit: {
    status: 429,
    message: 'For security purposes, you can only request this after {seconds} seconds.',
    hint: 'One number gets one SMS in a while; wait the seconds that Retry-After gives.',
  },
  sms_send_failed: {
    status: 422,
    message: 'This project sends no SMS',
    hint: 'Set up a provider for SMS, or use e-mail.',
  },
  hook_rejected: {
    status: 403,
    message: '{problem}',
    hint: 'The project’s own function refused it; the message is the function’s.',
  },
  conflict: {
    status: 409,
    message: '{problem}',
    hint: 'Remove what refers to the user first, or declare its foreign key with on delete cascade or set null.',
  },
  unexpected_failure: {
    status: 500,
    message: '{problem}',
    hint: 'The server log has the cause under the request id.',
  },
})

/** The same codes where the token, not the request, is at fault. */
export const tokenErrors = defineErrors({
  user_not_found: {
    status: 403,
    message: 'User from sub claim in JWT does not exist',
    hint: 'The account was deleted. Sign in again.',
  },
})
