import { Secret, TOTP } from 'otpauth'
import { renderSVG } from 'uqr'

const period = 30

/** What an authenticator app needs to know (key URI format), and its secret to be sealed. */
export interface NewTotp {
  readonly secret: string
  readonly uri: string
  /** SVG; auth-js makes a data URL of it. */
  readonly qrCode: string
}

export function newTotp(issuer: string, label: string): NewTotp {
  const secret = new Secret({ size: 20 })
  const uri = totpOf(secret.base32, issuer, label).toString()
  return { secret: secret.base32, uri, qrCode: renderSVG(uri) }
}

/**
 * The time step of the code, if it is one of now, the step before or the step after (RFC 6238, 5.2), and later than
 * `lastStep`: no code is taken twice. Undefined otherwise.
 */
export function stepOfCode(
  secret: string,
  code: string,
  at: Date,
  lastStep: number | null,
): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined
  const timestamp = at.getTime()
  const delta = totpOf(secret).validate({ token: code, timestamp, window: 1 })
  if (delta === null) return undefined
  const step = Math.floor(timestamp / 1000 / period) + delta
  return lastStep !== null && step <= lastStep ? undefined : step
}

const totpOf = (secret: string, issuer = '', label = '') =>
  new TOTP({ issuer, label, algorithm: 'SHA1', digits: 6, period, secret: Secret.fromBase32(secret) })
