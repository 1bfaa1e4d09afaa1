import type { Answer } from '../case.ts'
import type { Problem } from '../finding.ts'

/** Codes of refusals for want of time, connections, memory or an account of a provider: bounds at work, and no failure. */
const bounds = [
  '57014',
  'database_busy',
  'too_slow',
  'stopping',
  'bodies_busy',
  'images_busy',
  'payment_provider_off',
]

/** An answer from 500 on says that something failed inside. */
export function judgeAnswer({ status, text }: Answer): Problem | undefined {
  if (status < 500) return undefined
  const code = /"(?:plinthCode|code)":"([^"]+)"/.exec(text)?.[1] ?? ''
  if (bounds.includes(code)) return undefined
  const message = /"message":"([^"]{0,80})/.exec(text)?.[1] ?? text.slice(0, 80)
  return {
    kind: 'server error',
    detail: `${status} ${code}: ${text.slice(0, 300)}`,
    signature: `${status} ${code} ${message.replaceAll(/\d+/g, '#')}`,
  }
}
