import type { Statement } from '../../database/index.ts'
import { newId } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import type { AuthSettings } from '../settings.ts'
import { saveToken } from '../store/one-time-tokens.ts'
import { markSent } from '../store/users.ts'
import type { UserRow } from '../users/user-row.ts'
import { hashToken, newCode, newLinkToken, pkcePrefix } from './code-secrets.ts'
import { type Purpose, purposes } from './purposes.ts'

/** What a message needs to know of its account. */
export type Addressee = Pick<UserRow, 'id' | 'email' | 'raw_user_meta_data'> & {
  readonly new_email?: string | null
}

export interface CodeOrder {
  readonly purpose: Purpose
  readonly user: Addressee
  /** Where it goes: an e-mail address, or a phone number. */
  readonly address: string
  /** Where the link ends; allowed already. */
  readonly redirectTo: string
  /** The PKCE flow that the link continues. */
  readonly flowId?: string | null
  readonly at: Date
}

/** A code and its link. */
export interface PreparedCode {
  /** Store it. */
  readonly statements: readonly Statement[]
  /** Queue the message with it, in the same transaction; none for an address that has a fixed code. */
  readonly message: readonly Statement[]
  readonly code: string
  /** The link's token. */
  readonly token: string
  readonly link: string
}

/** Makes a code and a link for an address. */
export function prepareCode(auth: AuthContext, order: CodeOrder): PreparedCode {
  const { settings, codes } = auth
  const { purpose, user, address, at, flowId = null } = order
  const { tokenType, verifyType, sentColumn, mail } = purposes[purpose]
  const fixed = mail ? settings.mailerTestOtp[address] : settings.smsTestOtp[address]
  const code = fixed ?? newCode(mail ? settings.mailerOtpLength : settings.smsOtpLength)
  const token = newLinkToken(flowId === null ? '' : pkcePrefix)
  const link = `${auth.url}/auth/v1/verify?${new URLSearchParams({ token, type: verifyType, redirect_to: order.redirectTo })}`
  const stored = saveToken({
    id: newId(),
    userId: user.id,
    type: tokenType,
    hash: hashToken(token),
    address,
    codeMac: codes.macOf({ userId: user.id, tokenType, address }, code),
    flowId,
    at,
  })
  const message = fixed === undefined ? [messageOf(auth, order, { code, token, link })] : []
  return { statements: [stored, markSent(user.id, sentColumn, at)], message, code, token, link }
}

function messageOf(
  { settings, outbox }: AuthContext,
  { purpose, user, address, redirectTo }: CodeOrder,
  { code, token, link }: Pick<PreparedCode, 'code' | 'token' | 'link'>,
): Statement {
  const { mail: template } = purposes[purpose]
  if (!template) return outbox.sms({ to: address, text: codeText(settings, code) })
  return outbox.mail({
    to: address,
    template,
    variables: {
      SiteURL: settings.siteUrl,
      ConfirmationURL: link,
      Token: code,
      TokenHash: token,
      RedirectTo: redirectTo,
      Email: user.email ?? address,
      NewEmail: user.new_email ?? '',
      Data: user.raw_user_meta_data ?? {},
    },
  })
}

/** The text of an SMS that brings a code. */
export const codeText = ({ smsTemplate }: Pick<AuthSettings, 'smsTemplate'>, code: string): string =>
  smsTemplate.replaceAll(/\{\{ ?\.Code ?\}\}/g, () => code)
