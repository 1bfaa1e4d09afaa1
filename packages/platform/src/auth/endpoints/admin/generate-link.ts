import { z } from 'zod'
import type { AuthContext } from '../../auth-context.ts'
import { prepareCode } from '../../codes/prepare-code.ts'
import { type Purpose, purposes } from '../../codes/purposes.ts'
import { authErrors } from '../../errors.ts'
import { requireMail } from '../../messages/outbox.ts'
import { checkPassword } from '../../passwords/password-rules.ts'
import {
  type AuthRequest,
  actorOfRequest,
  type Endpoint,
  readBody,
  redirectOf,
  requireAdmin,
  turnOf,
} from '../../request.ts'
import { accountTransaction } from '../../store/account-transaction.ts'
import { type AccountRow, askForEmail, findUser, findUserByEmail, markInvited } from '../../store/users.ts'
import { draftUser, storeAccount, unproven } from '../../users/create-account.ts'
import { metadataSchema } from '../../users/metadata.ts'
import { requireEmail } from '../../users/normalise-email.ts'
import { toUserJson } from '../../users/user-json.ts'
import type { UserRow } from '../../users/user-row.ts'
import { optionalPassword, optionalText } from '../fields.ts'
import { audit } from './audit.ts'

const linkTypes = [
  'signup',
  'invite',
  'magiclink',
  'recovery',
  'email_change_new',
  'email_change_current',
] as const

const schema = z.object({
  type: z.enum(linkTypes),
  email: optionalText,
  new_email: optionalText,
  password: optionalPassword,
  data: metadataSchema,
  redirect_to: optionalText,
})
type LinkOrder = z.output<typeof schema>

/**
 * `POST /admin/generate_link`: a link and its code for the administrator to hand over; nothing is sent. `signup` and `invite`
 * make the account when there is none.
 */
export const generateLink: Endpoint = (auth) => async (c) => {
  requireAdmin(c)
  const body = await readBody(c, schema)
  const email = requireEmail(body.email ?? '')
  const { user, prepared, redirectTo } = await makeLink(auth, c, body, email, { isSent: false })
  return c.json({
    ...toUserJson(user),
    action_link: prepared.link,
    email_otp: prepared.code,
    hashed_token: prepared.token,
    redirect_to: redirectTo,
    verification_type: body.type,
  })
}

const inviteSchema = z.object({ email: optionalText, data: metadataSchema })

/** `POST /invite`: makes an account and mails its owner a link. */
export const inviteUser: Endpoint = (auth) => async (c) => {
  requireAdmin(c)
  const body = await readBody(c, inviteSchema)
  const email = requireEmail(body.email ?? '')
  requireMail(auth.outbox, 'Invitation')
  const order = {
    ...body,
    type: 'invite',
    new_email: undefined,
    password: undefined,
    redirect_to: undefined,
  } as const
  const { user } = await makeLink(auth, c, order, email, { isSent: true })
  return c.json(toUserJson(user))
}

async function makeLink(
  auth: AuthContext,
  c: AuthRequest,
  body: LinkOrder,
  email: string,
  { isSent }: { readonly isSent: boolean },
) {
  const at = auth.clock.now()
  const { rows } = await auth.database.asOwner<AccountRow>(findUserByEmail(email, at))
  const draft = rows[0] ? undefined : await draftAccount(auth, c, body, email)
  const subject = rows[0] ?? (draft && { id: draft.id, email, raw_user_meta_data: draft.userMetadata })
  if (!subject) throw authErrors.user_not_found()
  if (rows[0]?.email_confirmed_at && (body.type === 'signup' || body.type === 'invite'))
    throw authErrors.email_exists()
  const newEmail = body.type.startsWith('email_change') ? requireEmail(body.new_email ?? '') : undefined
  const purpose: Purpose = body.type
  const redirectTo = redirectOf(auth, c, body.redirect_to)
  const prepared = prepareCode(auth, {
    purpose,
    user: { ...subject, new_email: newEmail ?? null },
    address: body.type === 'email_change_new' ? (newEmail ?? '') : email,
    redirectTo,
    at,
  })
  const statements = [
    ...(draft ? storeAccount(draft, unproven) : []),
    ...(body.type === 'invite' ? [markInvited(subject.id, at)] : []),
    ...(newEmail === undefined ? [] : [askForEmail(subject.id, newEmail, at)]),
    ...prepared.statements,
    ...(isSent ? prepared.message : []),
    audit(c, at, body.type === 'invite' ? 'user_invited' : 'link_generated', subject.id, {
      type: purposes[purpose].verifyType,
    }),
    findUser(subject.id, at),
  ]
  const failure = 'Database error saving new user'
  const user = await accountTransaction(auth.database, actorOfRequest(c), failure, statements, requireRow)
  return { user, prepared, redirectTo }
}

/** The account that `signup` and `invite` make; the others need one. */
async function draftAccount(auth: AuthContext, c: AuthRequest, body: LinkOrder, email: string) {
  if (body.type !== 'signup' && body.type !== 'invite') return undefined
  if (body.type === 'signup') checkPassword(body.password, auth.settings)
  const passwordHash = body.password ? await auth.passwords.hash(body.password, turnOf(auth, c)) : null
  return draftUser({ email, passwordHash, userMetadata: body.data, at: auth.clock.now() })
}

function requireRow(row: UserRow | undefined): UserRow {
  if (!row) throw authErrors.user_not_found()
  return row
}
