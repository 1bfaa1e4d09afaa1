import type { Transaction } from '../../database/index.ts'
import type { TokenType } from '../codes/purposes.ts'
import { runAll } from '../store/account-transaction.ts'
import { countTokens, dropTokens, type TokenRow } from '../store/one-time-tokens.ts'
import {
  confirmEmail,
  confirmPhone,
  dropPassword,
  noteFirstConfirmation,
  refreshProviders,
  saveIdentity,
  takeNewEmail,
  takeNewPhone,
} from '../store/users.ts'

/** `waiting`: the other of two addresses has to confirm as well. */
export type ProofOutcome = 'done' | 'waiting'

const changeTokens: readonly TokenType[] = ['email_change_token_new', 'email_change_token_current']
const signInTokens: readonly TokenType[] = ['confirmation_token', 'recovery_token']

/** Stores what a redeemed code or link proves of its account. */
export async function applyProof(transaction: Transaction, token: TokenRow, at: Date): Promise<ProofOutcome> {
  const { id, token_type: type, relates_to: address } = token
  if (changeTokens.includes(type)) return applyEmailChange(transaction, token, at)
  if (type === 'phone_change_token') {
    await runAll(transaction, [
      takeNewPhone(id, at),
      saveIdentity(id, { provider: 'phone', address, proven: true }, at),
      refreshProviders(id),
    ])
    return 'done'
  }
  const isPhone = !address.includes('@')
  const provider = isPhone ? 'phone' : 'email'
  await runAll(transaction, [
    dropTokens(id, signInTokens),
    // Whoever registered the address chose that password; who asked for this link is its owner, and may be another.
    ...(type === 'recovery_token' && !token.email_confirmed_at ? [dropPassword(id, at)] : []),
    saveIdentity(id, { provider, address, proven: true }, at),
    isPhone ? confirmPhone(id, at) : confirmEmail(id, at),
  ])
  return 'done'
}

async function applyEmailChange(transaction: Transaction, token: TokenRow, at: Date): Promise<ProofOutcome> {
  const { rows } = await transaction.query<{ tokens: number }>(countTokens(token.id, changeTokens))
  if (rows[0]!.tokens > 0) {
    await transaction.query(noteFirstConfirmation(token.id, at))
    return 'waiting'
  }
  const address = token.new_email ?? ''
  await runAll(transaction, [
    takeNewEmail(token.id, at),
    saveIdentity(token.id, { provider: 'email', address, proven: true }, at),
    refreshProviders(token.id),
    dropTokens(token.id, signInTokens),
  ])
  return 'done'
}
