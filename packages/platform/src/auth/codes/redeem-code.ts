import type { Transaction } from '../../database/index.ts'
import type { AuthContext } from '../auth-context.ts'
import {
  countFailure,
  findTokenByHash,
  findTokensByAddress,
  findUserToken,
  type TokenRow,
  takeToken,
} from '../store/one-time-tokens.ts'
import { hashToken } from './code-secrets.ts'
import { mailTokenTypes, smsTokenTypes, type TokenType } from './purposes.ts'

/** What a client shows to prove an address. */
export type CodeProof =
  | { readonly type: string; readonly token: string }
  | { readonly type: string; readonly code: string; readonly email: string }
  | { readonly type: string; readonly code: string; readonly phone: string }

/** Wrong codes after which a code is dead. Its link is not. */
const mostFailures = 5

/**
 * Takes the token that a proof fits, for this transaction alone: of any number of callers with the same proof one gets it.
 * Undefined when nothing fits; wrong codes are counted then, so the transaction has to be committed.
 */
export async function redeemCode(
  auth: AuthContext,
  transaction: Transaction,
  proof: CodeProof,
): Promise<TokenRow | undefined> {
  const found =
    'token' in proof ? await findByLink(auth, transaction, proof) : await findByCode(auth, transaction, proof)
  if (!found || isOver(auth, found) || !stillWanted(found)) return undefined
  const { rowCount } = await transaction.query(takeToken(found.token_id))
  return rowCount === 1 ? found : undefined
}

/** As {@link redeemCode}, for the code that a signed-in user was sent to prove themselves again. */
export async function redeemNonce(
  auth: AuthContext,
  transaction: Transaction,
  userId: string,
  nonce: string,
) {
  const type = 'reauthentication_token'
  const { rows } = await transaction.query<TokenRow>(findUserToken(userId, type, auth.clock.now()))
  const found = await pick(auth, transaction, rows, nonce)
  if (!found || isOver(auth, found)) return false
  const { rowCount } = await transaction.query(takeToken(found.token_id))
  return rowCount === 1
}

async function findByLink(
  auth: AuthContext,
  transaction: Transaction,
  { type, token }: { type: string; token: string },
) {
  const { rows } = await transaction.query<TokenRow>(findTokenByHash(hashToken(token), auth.clock.now()))
  const [found] = rows
  return found && (mailTokenTypes[type] ?? []).includes(found.token_type) ? found : undefined
}

async function findByCode(
  auth: AuthContext,
  transaction: Transaction,
  proof: Exclude<CodeProof, { token: string }>,
) {
  const [types, address] =
    'email' in proof ? [mailTokenTypes[proof.type], proof.email] : [smsTokenTypes[proof.type], proof.phone]
  const statement = findTokensByAddress(types ?? [], address, auth.clock.now())
  const { rows } = await transaction.query<TokenRow>(statement)
  return pick(auth, transaction, rows, proof.code)
}

/** The token whose code it is. A code that fits none counts against all of them. */
async function pick({ codes }: AuthContext, transaction: Transaction, rows: TokenRow[], code: string) {
  const alive = rows.filter(({ failures }) => failures < mostFailures)
  const found = alive.find((row) => codes.matches(row.code_mac, ownerOf(row), code))
  if (!found && alive.length > 0) await transaction.query(countFailure(alive.map(({ token_id }) => token_id)))
  return found
}

const ownerOf = (row: TokenRow) => ({ userId: row.id, tokenType: row.token_type, address: row.relates_to })

function isOver({ settings, clock }: AuthContext, { token_at, relates_to, token_type }: TokenRow): boolean {
  const bySms = !relates_to.includes('@') && token_type !== 'reauthentication_token'
  const seconds = bySms ? settings.smsOtpExp : settings.mailerOtpExp
  return token_at + seconds * 1000 <= clock.now().getTime()
}

/** The address that a token proves must still be the one in question: it may have changed since. */
function stillWanted(row: TokenRow): boolean {
  const wanted: Readonly<Record<TokenType, readonly (string | null)[]>> = {
    confirmation_token: [row.email, row.phone],
    recovery_token: [row.email],
    email_change_token_current: [row.email],
    email_change_token_new: [row.new_email],
    phone_change_token: [row.new_phone],
    reauthentication_token: [row.email, row.phone],
  }
  return wanted[row.token_type].some((address) => address?.toLowerCase() === row.relates_to)
}
