import { type Statement, sql } from '../../database/index.ts'
import type { TokenType } from '../codes/purposes.ts'
import { milliseconds } from '../users/user-row.ts'
import { type AccountRow, accountColumns } from './users.ts'

export interface NewToken {
  readonly id: string
  readonly userId: string
  readonly type: TokenType
  readonly hash: string
  readonly address: string
  readonly codeMac: string | null
  readonly flowId: string | null
  readonly at: Date
}

/** Stores a code and link; the ones before it for the same purpose and address are void. */
export const saveToken = (token: NewToken): Statement => sql`
  insert into auth.one_time_tokens
    (id, user_id, token_type, token_hash, relates_to, code_mac, flow_state_id, created_at, updated_at)
  values (${token.id}, ${token.userId}, ${token.type}, ${token.hash}, ${token.address}, ${token.codeMac},
    ${token.flowId}, ${token.at}, ${token.at})
  on conflict (user_id, token_type, relates_to) do update
  set id = excluded.id, token_hash = excluded.token_hash, code_mac = excluded.code_mac, failures = 0,
    flow_state_id = excluded.flow_state_id, created_at = excluded.created_at, updated_at = excluded.updated_at`

/** A token that may be redeemed, with its account. */
export interface TokenRow extends AccountRow {
  readonly token_id: string
  readonly token_type: TokenType
  readonly relates_to: string
  readonly code_mac: string | null
  readonly failures: number
  readonly flow_state_id: string | null
  /** When it was sent, milliseconds since 1970. */
  readonly token_at: number
}

const tokenColumns = `${accountColumns}, coalesce(u.banned_until > $1, false) as is_banned, t.id as token_id, t.token_type,
  t.relates_to, t.code_mac, t.failures, t.flow_state_id, ${milliseconds('t.created_at')} as token_at`

/** The account is locked, so that of two verifications at once one comes after the other. */
export const findTokenByHash = (hash: string, at: Date): Statement => ({
  name: 'auth_find_token_by_hash',
  text: `select ${tokenColumns} from auth.one_time_tokens t join auth.users u on u.id = t.user_id
    where t.token_hash = $2 and u.deleted_at is null for update of u`,
  values: [at, hash],
})

/**
 * The newest token of each type that went to an address: of several accounts that want the same address only the last one
 * can be confirmed by a code, so that more accounts make no guess better.
 */
export const findTokensByAddress = (types: readonly TokenType[], address: string, at: Date): Statement => ({
  name: 'auth_find_tokens_by_address',
  text: `select ${tokenColumns} from auth.one_time_tokens t join auth.users u on u.id = t.user_id
    where t.id in (
      select distinct on (newest.token_type) newest.id
      from auth.one_time_tokens newest join auth.users owner on owner.id = newest.user_id
      where newest.relates_to = $3 and newest.token_type = any($2::auth.one_time_token_type[])
        and owner.deleted_at is null
      order by newest.token_type, newest.created_at desc
    ) for update of u`,
  values: [at, types, address],
})

export const findUserToken = (userId: string, type: TokenType, at: Date): Statement => ({
  name: 'auth_find_user_token',
  text: `select ${tokenColumns} from auth.one_time_tokens t join auth.users u on u.id = t.user_id
    where t.user_id = $2 and t.token_type = $3 order by t.created_at desc limit 1 for update of u`,
  values: [at, userId, type],
})

export const countFailure = (ids: readonly string[]): Statement => sql`
  update auth.one_time_tokens set failures = failures + 1 where id = any(${ids}::uuid[])`

/** Gives one row to exactly one of those who try. */
export const takeToken = (id: string): Statement =>
  sql`delete from auth.one_time_tokens where id = ${id} returning id`

/** Voids what else was sent to sign this account in. */
export const dropTokens = (userId: string, types: readonly TokenType[]): Statement => sql`
  delete from auth.one_time_tokens
  where user_id = ${userId} and token_type = any(${types}::auth.one_time_token_type[])`

export const countTokens = (userId: string, types: readonly TokenType[]): Statement => sql`
  select count(*)::int as tokens from auth.one_time_tokens
  where user_id = ${userId} and token_type = any(${types}::auth.one_time_token_type[])`
