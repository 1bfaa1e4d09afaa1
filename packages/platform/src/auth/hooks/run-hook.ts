import { z } from 'zod'
import { isRequestRole, type ProjectDatabase, quoteName, sql } from '../../database/index.ts'
import type { JsonObject } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import type { NewUser } from '../store/users.ts'

/** Longest that a hook may take. */
const patience = '2s'

const answer = z.looseObject({
  claims: z.record(z.string(), z.json()).optional(),
  error: z.looseObject({ message: z.string().max(1000) }).optional(),
})

/**
 * Calls a SQL function of the project with an event, as the owner of the database. Fails with `hook_rejected` when it answers
 * `{"error": {"message": …}}`, and with `unexpected_failure` when it fails, takes longer than 2 s or answers something else.
 */
async function runHook(database: ProjectDatabase, uri: string, event: JsonObject) {
  const [schema = '', name = ''] = uri.split('/').slice(-2)
  const text = `select ${quoteName(schema)}.${quoteName(name)}($1::jsonb) as answer`
  const run = database.transactionAsOwner(async (transaction) => {
    await transaction.query(sql`select set_config('statement_timeout', ${patience}, true)`)
    return transaction.query<{ answer: unknown }>({ text, values: [JSON.stringify(event)] })
  })
  const { rows } = await run.catch((error: unknown) => {
    throw authErrors.unexpected_failure({ problem: `Error running hook URI: ${uri}` }, error)
  })
  const parsed = answer.safeParse(rows[0]?.answer ?? {})
  if (!parsed.success)
    throw authErrors.unexpected_failure({ problem: `Error unmarshaling hook output: ${uri}` })
  if (parsed.data.error) throw authErrors.hook_rejected({ problem: parsed.data.error.message })
  return parsed.data
}

/** What a hook may not change of a token: whose it is, by whom, and how long. */
const fixed = ['iss', 'sub', 'aud', 'exp', 'iat', 'session_id', 'aal', 'amr', 'is_anonymous']

/** The claims of an access token after the project's hook; its event and answer are Supabase's. */
export async function customiseClaims(
  { database, settings }: AuthContext,
  claims: JsonObject,
  method: string,
): Promise<JsonObject> {
  const uri = settings.hookCustomAccessTokenUri
  if (uri === undefined) return claims
  const event = { user_id: claims['sub'] ?? null, claims, authentication_method: method }
  const { claims: changed } = await runHook(database, uri, event)
  if (!changed || typeof changed['role'] !== 'string' || !isRequestRole(changed['role'])) {
    throw authErrors.unexpected_failure({ problem: 'output claims do not conform to the expected schema' })
  }
  const kept = Object.fromEntries(
    fixed.flatMap((name) => (claims[name] === undefined ? [] : [[name, claims[name]]])),
  )
  return { ...changed, ...kept } as JsonObject
}

/** Asks the project's hook whether an account may be made. */
export async function requireWelcome(
  { database, settings }: AuthContext,
  user: NewUser,
  address: string | null,
) {
  const uri = settings.hookBeforeUserCreatedUri
  if (uri === undefined) return
  await runHook(database, uri, {
    metadata: { name: 'before-user-created', time: user.at.toISOString(), ip_address: address },
    user: {
      id: user.id,
      aud: 'authenticated',
      role: user.role,
      email: user.email ?? '',
      phone: user.phone ?? '',
      app_metadata: user.appMetadata,
      user_metadata: user.userMetadata,
      is_anonymous: user.isAnonymous,
    },
  })
}
