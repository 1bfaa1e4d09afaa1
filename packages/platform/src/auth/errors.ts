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
    message: 'Password should be at least {length} characters.',
    hint: 'Choose a longer password.',
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
    message: '{feature} needs mail, which this server does not send',
    hint: 'An administrator can set passwords and addresses with the service role key.',
  },
  phone_provider_disabled: {
    status: 422,
    message: 'Phone logins are disabled',
    hint: 'Use e-mail and password.',
  },
  otp_disabled: {
    status: 422,
    message: 'Sign-in by one-time code or link is disabled',
    hint: 'Use e-mail and password.',
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
    hint: 'No sign-in method of this server starts a PKCE flow.',
  },
  saml_provider_disabled: {
    status: 422,
    message: 'SAML 2.0 is disabled',
    hint: 'Use e-mail and password.',
  },
  manual_linking_disabled: {
    status: 422,
    message: 'Manual linking is disabled',
    hint: 'A user has the identity that they signed up with.',
  },
  mfa_totp_enroll_not_enabled: {
    status: 422,
    message: 'MFA enroll is disabled for TOTP',
    hint: 'This server knows one factor, the password.',
  },
  mfa_factor_not_found: {
    status: 404,
    message: 'MFA factor not found',
    hint: 'This server knows one factor, the password.',
  },
  over_request_rate_limit: {
    status: 429,
    message: 'Request rate limit reached',
    hint: 'Try again after the seconds that Retry-After gives.',
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
