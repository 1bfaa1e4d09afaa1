import { isIP } from 'node:net'
import { newId } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import type { CheckedPassword, NewSession, SignInMethod } from '../store/sessions.ts'
import type { SessionFacts } from './access-token.ts'
import { hashRefreshToken, newRefreshToken } from './refresh-token.ts'

/** Where a session is used from. */
export interface Device {
  readonly userAgent: string | null
  readonly address: string
}

const longestUserAgent = 512

/**
 * A new session: what is stored of it and what its tokens say of it. Every way of signing in starts sessions here.
 */
export function startSession(
  { clock, settings }: Pick<AuthContext, 'clock' | 'settings'>,
  userId: string,
  method: SignInMethod,
  device: Device,
  password: CheckedPassword | null = null,
): { readonly stored: NewSession; readonly facts: SessionFacts } {
  const id = newId()
  const at = clock.now()
  const refreshToken = newRefreshToken()
  return {
    stored: {
      id,
      userId,
      method,
      tokenHash: hashRefreshToken(refreshToken),
      userAgent: device.userAgent?.slice(0, longestUserAgent) ?? null,
      address: inetOf(device.address),
      at,
      password,
      single: settings.sessionsSinglePerUser,
    },
    facts: {
      id,
      aal: 'aal1',
      amr: [{ method, timestamp: Math.floor(at.getTime() / 1000) }],
      refreshToken,
    },
  }
}

/** An address as PostgreSQL takes it, or null. */
export const inetOf = (address: string): string | null =>
  isIP(address) > 0 ? (address.split('%', 1)[0] ?? null) : null
