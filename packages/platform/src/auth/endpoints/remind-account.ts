import type { Statement } from '../../database/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { prepareCode } from '../codes/prepare-code.ts'
import type { Purpose } from '../codes/purposes.ts'
import { authErrors } from '../errors.ts'
import type { Outbox } from '../messages/outbox.ts'
import { type AuthRequest, actorOfRequest, redirectOf } from '../request.ts'
import { accountTransaction } from '../store/account-transaction.ts'
import { type AccountRow, findUserByEmail, findUserByPhone } from '../store/users.ts'

export interface Address {
  readonly email?: string | null | undefined
  readonly phone?: string | null | undefined
}

export interface Flow {
  readonly flowId: string | null
  readonly statements: readonly Statement[]
}

/** Fails with `sms_send_failed` where no SMS goes out, whoever it would be for. */
export function requireSms(outbox: Outbox): void {
  if (!outbox.sendsSms) throw authErrors.sms_send_failed()
}

/** The account of an address, if there is one. */
export async function findAccount({ database, clock }: AuthContext, { email, phone }: Address) {
  const at = clock.now()
  const statement = email ? findUserByEmail(email, at) : findUserByPhone(phone ?? '', at)
  const { rows } = await database.asOwner<AccountRow>(statement)
  return rows[0]
}

/** Sends an account a code for `purpose`; the message goes if and when the change is committed. */
export async function sendCode(
  auth: AuthContext,
  c: AuthRequest,
  user: AccountRow,
  purpose: Purpose,
  { address, flow }: { readonly address: string; readonly flow: Flow },
): Promise<void> {
  const prepared = prepareCode(auth, {
    purpose,
    user,
    address,
    redirectTo: redirectOf(auth, c),
    flowId: flow.flowId,
    at: auth.clock.now(),
  })
  const statements = [...flow.statements, ...prepared.statements, ...prepared.message]
  const actor = actorOfRequest(c, user.id)
  await accountTransaction(auth.database, actor, 'Database error saving a code', statements, () => undefined)
}

/**
 * What the owner of an address gets when somebody signs up with it again: who has not confirmed it the code once more, who
 * has a mail that says so. The password and the metadata of the new try are not kept: nobody knows whose they are.
 */
export async function remindAccount(
  auth: AuthContext,
  c: AuthRequest,
  { email, phone }: Address,
  flow: Flow,
): Promise<void> {
  const account = await findAccount(auth, { email, phone })
  if (!account || account.is_banned) return
  if (phone) {
    if (!account.phone_confirmed_at) await sendCode(auth, c, account, 'sms', { address: phone, flow })
  } else if (email && !account.email_confirmed_at) {
    await sendCode(auth, c, account, 'signup', { address: email, flow })
  } else if (email) {
    const { siteUrl } = auth.settings
    const variables = {
      SiteURL: siteUrl,
      ConfirmationURL: siteUrl,
      Token: '',
      TokenHash: '',
      RedirectTo: redirectOf(auth, c),
      Email: email,
      NewEmail: '',
      Data: {},
    }
    await auth.database.asOwner(auth.outbox.mail({ to: email, template: 'accountExists', variables }))
  }
}
