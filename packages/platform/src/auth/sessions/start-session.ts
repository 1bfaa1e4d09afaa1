import { isIP } from 'node:net'
import { newId } from '../../kernel/index.ts'
import type { NewSession, SignInMethod } from '../store/sessions.ts'
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
  userId: string,
  method: SignInMethod,
  device: Device,
  at: Date,
  hashes: Pick<NewSession, 'checkedHash' | 'betterHash'>,
): { readonly stored: NewSession; readonly facts: SessionFacts } {
  const id = newId()
  const refreshToken = newRefreshToken()
  return {
    stored: {
      id,
      userId,
      method,
      tokenHash: hashRefreshToken(refreshToken),
      userAgent: device.userAgent?.slice(0, longestUserAgent) ?? null,
      address: isIP(device.address) > 0 ? (device.address.split('%', 1)[0] ?? null) : null,
      at,
      ...hashes,
    },
    facts: {
      id,
      aal: 'aal1',
      amr: [{ method, timestamp: Math.floor(at.getTime() / 1000) }],
      refreshToken,
    },
  }
}
