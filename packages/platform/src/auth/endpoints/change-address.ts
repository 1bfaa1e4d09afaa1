import type { Statement } from '../../database/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { type PreparedCode, prepareCode } from '../codes/prepare-code.ts'
import type { Purpose } from '../codes/purposes.ts'
import { authErrors } from '../errors.ts'
import { requireMail } from '../messages/outbox.ts'
import { type AuthRequest, redirectOf } from '../request.ts'
import { type AccountRow, askForEmail, askForPhone } from '../store/users.ts'
import { requireEmail } from '../users/normalise-email.ts'
import { requirePhone } from '../users/normalise-phone.ts'
import type { AccountEdit } from '../users/save-account.ts'
import { beginMailFlow, type PkceFields } from './pkce.ts'
import { requireSms } from './remind-account.ts'

/** A change of address: at once, or asked for and confirmed by codes. */
export interface AddressChange {
  readonly changes: Pick<AccountEdit, 'email' | 'confirmed' | 'phone' | 'phoneConfirmed'>
  /** Store the codes and queue their messages. */
  readonly statements: readonly Statement[]
}

const noChange: AddressChange = { changes: {}, statements: [] }

/**
 * The change to another e-mail address. Whether somebody has it already is not asked: its owner gets the code, and it
 * cannot be confirmed while it is taken. With `mailerSecureEmailChangeEnabled` the present address confirms as well.
 */
export async function prepareEmailChange(
  auth: AuthContext,
  c: AuthRequest,
  user: AccountRow,
  body: PkceFields & { readonly email?: string | undefined },
): Promise<AddressChange> {
  const { settings, limits, outbox, clock } = auth
  const email = body.email === undefined ? undefined : requireEmail(body.email)
  if (email === undefined || email === user.email) return noChange
  if (!settings.externalEmailEnabled)
    throw authErrors.email_provider_disabled({ feature: 'Changing the address' })
  if (settings.mailerAutoconfirm) return { ...noChange, changes: { email, confirmed: true } }
  requireMail(outbox, 'Changing the address')
  await limits.askForCode(c.var.clientAddress)
  await limits.sendMail(email)
  const flow = beginMailFlow(body, 'email_change', clock.now())
  const prepare = (purpose: Purpose, address: string) =>
    prepareCode(auth, {
      purpose,
      user: { ...user, new_email: email },
      address,
      redirectTo: redirectOf(auth, c),
      flowId: flow.flowId,
      at: clock.now(),
    })
  const confirmsBoth = settings.mailerSecureEmailChangeEnabled && user.email && user.email_confirmed_at
  const codes = [
    prepare('email_change_new', email),
    ...(confirmsBoth ? [prepare('email_change_current', user.email!.toLowerCase())] : []),
  ]
  return { changes: {}, ...together([askForEmail(user.id, email, clock.now()), ...flow.statements], codes) }
}

/** The change to another phone number. */
export async function preparePhoneChange(
  auth: AuthContext,
  c: AuthRequest,
  user: AccountRow,
  body: { readonly phone?: string | undefined },
): Promise<AddressChange> {
  const { settings, limits, outbox, clock } = auth
  if (body.phone === undefined) return noChange
  if (!settings.externalPhoneEnabled) throw authErrors.phone_provider_disabled()
  const phone = requirePhone(body.phone)
  if (phone === user.phone) return noChange
  if (settings.smsAutoconfirm) return { ...noChange, changes: { phone, phoneConfirmed: true } }
  requireSms(outbox)
  await limits.askForCode(c.var.clientAddress)
  await limits.sendSms(phone)
  const code = prepareCode(auth, {
    purpose: 'phone_change',
    user,
    address: phone,
    redirectTo: redirectOf(auth, c),
    at: clock.now(),
  })
  return { changes: {}, ...together([askForPhone(user.id, phone, clock.now())], [code]) }
}

const together = (statements: readonly Statement[], codes: readonly PreparedCode[]) => ({
  statements: [...statements, ...codes.flatMap((code) => [...code.statements, ...code.message])],
})
