import { type Statement, sql } from '../../database/index.ts'
import type { JsonObject } from '../../kernel/index.ts'
import { milliseconds } from '../users/user-row.ts'
import type { SignInMethod } from './sessions.ts'

export type ChallengeMethod = 's256' | 'plain'

export interface NewFlow {
  readonly id: string
  readonly challenge: string | null
  readonly challengeMethod: ChallengeMethod | null
  /** `email`, or the name of the provider. */
  readonly provider: string
  readonly method: SignInMethod
  readonly redirectTo: string | null
  readonly providerState: JsonObject | null
  readonly at: Date
}

export interface FlowRow {
  readonly id: string
  readonly user_id: string | null
  readonly code_challenge: string | null
  readonly code_challenge_method: ChallengeMethod | null
  readonly provider_type: string
  readonly provider_access_token: string | null
  readonly provider_refresh_token: string | null
  readonly authentication_method: SignInMethod
  readonly redirect_to: string | null
  readonly provider_state: JsonObject | null
  /** Milliseconds since 1970. */
  readonly created_at: number
  readonly auth_code_issued_at: number | null
}

const flowColumns = `id, user_id, code_challenge, code_challenge_method, provider_type, provider_access_token,
  provider_refresh_token, authentication_method, redirect_to, provider_state,
  ${milliseconds('created_at')} as created_at, ${milliseconds('auth_code_issued_at')} as auth_code_issued_at`

/** Remembers a flow, and forgets those that nobody ended within a day. */
export const openFlow = (flow: NewFlow): Statement => sql`
  with old as (
    delete from auth.flow_state where created_at < ${flow.at}::timestamptz - interval '1 day'
  )
  insert into auth.flow_state (id, code_challenge, code_challenge_method, provider_type, authentication_method,
    redirect_to, provider_state, created_at, updated_at)
  values (${flow.id}, ${flow.challenge}, ${flow.challengeMethod}, ${flow.provider}, ${flow.method}, ${flow.redirectTo},
    ${flow.providerState === null ? null : JSON.stringify(flow.providerState)}, ${flow.at}, ${flow.at})`

/** Ends the first half of a flow: whoever has the code and the verifier gets the session. Gives a row when it was open. */
export const issueAuthCode = (
  id: string,
  userId: string,
  codeHash: string,
  at: Date,
  tokens: { readonly access: string | null; readonly refresh: string | null } = {
    access: null,
    refresh: null,
  },
): Statement => sql`
  update auth.flow_state set user_id = ${userId}, auth_code = ${codeHash}, auth_code_issued_at = ${at}, updated_at = ${at},
    provider_access_token = ${tokens.access}, provider_refresh_token = ${tokens.refresh}, provider_state = null
  where id = ${id} and auth_code is null returning id`

/** Gives a flow to exactly one of those who exchange its code. */
export const takeFlowByCode = (codeHash: string): Statement => ({
  text: `delete from auth.flow_state where auth_code = $1 returning ${flowColumns}`,
  values: [codeHash],
})

/** Takes what a provider's answer is checked with, once: no answer is taken twice. */
export const takeProviderState = (id: string, at: Date): Statement => ({
  text: `with found as (select * from auth.flow_state where id = $1 and provider_state is not null for update), taken as (
      update auth.flow_state f set provider_state = null, updated_at = $2 from found where f.id = found.id returning f.id
    )
    select ${flowColumns} from found where id in (select id from taken)`,
  values: [id, at],
})
