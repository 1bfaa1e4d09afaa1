import type { Statement } from '../../database/index.ts'
import { newId } from '../../kernel/index.ts'
import { authErrors } from '../errors.ts'
import { openFlow } from '../store/flow-states.ts'
import type { SignInMethod } from '../store/sessions.ts'
import { optionalText } from './fields.ts'

/** Fields of every request that may begin a PKCE flow (RFC 7636). */
export const pkceFields = { code_challenge: optionalText, code_challenge_method: optionalText }

export interface PkceFields {
  readonly code_challenge?: string | undefined
  readonly code_challenge_method?: string | undefined
}

/** A challenge as it is stored, or null without one. Fails with `validation_failed`. */
export function readChallenge({ code_challenge: challenge, code_challenge_method: named }: PkceFields) {
  if (challenge === undefined && named === undefined) return null
  if (challenge === undefined || named === undefined) {
    const problem = 'PKCE flow requires code_challenge_method and code_challenge'
    throw authErrors.validation_failed({ problem })
  }
  const method = named.toLowerCase()
  if (method !== 's256' && method !== 'plain') {
    throw authErrors.validation_failed({ problem: 'code_challenge_method must be s256 or plain' })
  }
  if (!/^[a-zA-Z0-9._~-]{43,128}$/.test(challenge)) {
    throw authErrors.validation_failed({
      problem: 'code challenge has to be between 43 and 128 characters of A-Z, a-z, 0-9, - . _ ~',
    })
  }
  return { challenge, challengeMethod: method } as const
}

/** A PKCE flow by mail: its id and what stores it; nothing for the implicit flow. */
export function beginMailFlow(
  fields: PkceFields,
  method: SignInMethod,
  at: Date,
): { readonly flowId: string | null; readonly statements: readonly Statement[] } {
  const challenge = readChallenge(fields)
  if (challenge === null) return { flowId: null, statements: [] }
  const id = newId()
  const facts = { id, provider: 'email', method, redirectTo: null, providerState: null, at }
  return { flowId: id, statements: [openFlow({ ...facts, ...challenge })] }
}
