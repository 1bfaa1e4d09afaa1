import type { AppError } from '../../kernel/index.ts'
import type { GrantedTokens } from '../sessions/access-token.ts'

/** What a client is told at the end of a flow that failed (RFC 6749, 4.2.2.1). */
export const describeRefusal = (error: AppError) => ({
  error: error.status === 422 || error.status === 400 ? 'invalid_request' : 'access_denied',
  error_code: error.code,
  error_description: error.message,
})

/** A session as the implicit flow hands it over. */
export const fragmentOf = (tokens: GrantedTokens): Record<string, string> => ({
  access_token: tokens.access_token,
  expires_at: String(tokens.expires_at),
  expires_in: String(tokens.expires_in),
  refresh_token: tokens.refresh_token,
  token_type: tokens.token_type,
})
