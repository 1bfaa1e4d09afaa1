import {
  type Caller,
  type ProjectDatabase,
  sql,
  type Transaction,
  transactionFor,
  translateSqlError,
} from '../database/index.ts'
import { type Clock, unseal } from '../kernel/index.ts'
import { keyErrors } from './errors.ts'
import { hashKey, hideKey, newKeyText } from './key-text.ts'

/** A key as it is shown: never its text. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  /** Its first letters. */
  readonly value: string
  /** Null: it reaches the whole project. */
  readonly tenant: string | null
  readonly userId: string | null
  readonly permissions: readonly string[]
  /** Calls in an hour; null for the project's setting. */
  readonly rateLimit: number | null
  readonly service: boolean
  readonly isActive: boolean
  readonly expiresAt: string | null
  /** To the minute. */
  readonly lastUsedAt: string | null
  readonly createdAt: string | null
}

export interface NewKey {
  readonly name: string
  /** Default none: the key opens nothing. */
  readonly permissions?: readonly string[]
  /** Limits it to one tenant. Default: the whole project. */
  readonly tenant?: string
  /** Lets it act as this user, with what of its permissions the user has. */
  readonly userId?: string
  /** Calls in an hour. Default: the project's setting. */
  readonly rateLimit?: number
  readonly expiresAt?: Date
  /** True: it acts as the service role. Only the service and the operator make such keys. Default false. */
  readonly service?: boolean
}

/** A key with its text, which is given this once. */
export interface ShownKey {
  readonly id: string
  readonly key: string
}

export interface KeyFilter {
  readonly tenant?: string
  readonly userId?: string
}

/** Calls of one hour or day. */
export interface KeyUsage {
  /** When it began, UTC. */
  readonly from: string
  /** Calls that were let in. */
  readonly calls: number
  /** Calls over the limit. */
  readonly limited: number
  /** Of those that were let in: answered with a status of 400 or more. */
  readonly failed: number
  /** Of those that were let in, on average. */
  readonly milliseconds: number
}

/** The keys of a project, changed on behalf of one caller. It is for the calling code to say whose keys those may be. */
export interface Keys {
  /** Fails with `key_not_yours` for rights that the caller does not have, `key_permissions_invalid` or `key_expiry_past`. */
  create(key: NewKey): Promise<ShownKey>
  list(filter?: KeyFilter): Promise<ApiKey[]>
  /** Null when there is none. */
  find(id: string): Promise<ApiKey | null>
  /** For good. False when there is none. */
  revoke(id: string): Promise<boolean>
  /** Another text for the key; the old one is valid for so long (seconds, default a day). Fails with `key_not_found`. */
  rotate(id: string, options?: { readonly overlapSeconds?: number }): Promise<ShownKey>
  /** The text of a key that SQL made, once and within 24 hours. Fails with `key_not_readable` or `key_not_found`. */
  reveal(id: string): Promise<string>
  usage(id: string, options: { readonly since: Date; readonly by: 'hour' | 'day' }): Promise<KeyUsage[]>
}

export interface KeysOptions {
  readonly database: ProjectDatabase
  /** 32 bytes; seals what SQL made. */
  readonly sealingKey: Buffer
  readonly clock: Clock
  /** On whose behalf; null for the operator. */
  readonly by: Caller | null
}

const defaultOverlap = 86_400
/** How long the text of a key that SQL made can be read. */
export const unreadHours = 24

export function keysOfProject(options: KeysOptions): Keys {
  const { database, sealingKey, clock, by } = options
  const change = <T>(work: (transaction: Transaction) => Promise<T>) =>
    transactionFor(database, by, work).catch((error: unknown) => {
      throw translateSqlError(error, keyErrors)
    })

  return {
    create: async (key) => {
      requireOwnRights(key, by)
      if (key.expiresAt && key.expiresAt <= clock.now()) throw keyErrors.key_expiry_past()
      const text = newKeyText()
      const id = await change(async (transaction) => {
        const created = await insertKey(transaction, key, hideKey(text))
        await insertHash(transaction, created, text)
        return created
      })
      return { id, key: text }
    },
    list: (filter = {}) => readKeys(database, filter),
    find: async (id) => (await readKeys(database, { id }))[0] ?? null,
    revoke: (id) =>
      change(async (transaction) => {
        requireNoKey(by)
        const { rowCount } = await transaction.query(
          sql`update plinth.keys set is_active = false where id::text = ${id} and is_active`,
        )
        return rowCount === 1
      }),
    rotate: async (id, { overlapSeconds = defaultOverlap } = {}) => {
      requireNoKey(by)
      const until = new Date(clock.now().getTime() + overlapSeconds * 1000)
      const text = newKeyText()
      await change(async (transaction) => {
        const { rowCount } = await transaction.query(sql`
          update plinth.keys set value = ${hideKey(text)} where id::text = ${id} and is_active`)
        if (rowCount !== 1) throw keyErrors.key_not_found()
        await transaction.query(sql`
          update plinth.key_hashes set valid_until = least(valid_until, ${until}) where key_id = ${id}`)
        await transaction.query(sql`delete from plinth.unread_keys where key_id = ${id}`)
        await insertHash(transaction, id, text)
      })
      return { id, key: text }
    },
    reveal: (id) => change((transaction) => reveal(transaction, id, { sealingKey, clock })),
    usage: (id, given) => readUsage(database, id, given),
  }
}

/** A key has no rights that whoever makes it does not have: those of the service come from the service. */
function requireOwnRights({ service = false, userId }: NewKey, by: Caller | null): void {
  requireNoKey(by)
  const isService = by === null || by.role === 'service_role'
  if (service && !isService) throw keyErrors.key_not_yours()
  if (userId !== undefined && !isService && by.claims.sub !== userId) throw keyErrors.key_not_yours()
}

function requireNoKey(by: Caller | null): void {
  if (by?.permissions !== undefined) throw keyErrors.key_makes_no_keys()
}

async function insertKey(transaction: Transaction, key: NewKey, value: string): Promise<string> {
  const given: Record<string, unknown> = {
    name: key.name,
    value,
    permissions: JSON.stringify(key.permissions ?? []),
    is_active: true,
    ...(key.tenant === undefined ? {} : { tenant: key.tenant }),
    ...(key.userId === undefined ? {} : { user_id: key.userId }),
    ...(key.rateLimit === undefined ? {} : { rate_limit: key.rateLimit }),
    ...(key.expiresAt === undefined ? {} : { expires_at: key.expiresAt }),
    ...(key.service ? { service: true } : {}),
  }
  const names = Object.keys(given)
  const { rows } = await transaction.query<{ id: string }>({
    text: `insert into plinth.keys (${names.join(', ')}) values (${names.map((_, at) => `$${at + 1}`).join(', ')})
      returning id::text as id`,
    values: Object.values(given),
  })
  return rows[0]!.id
}

const insertHash = (transaction: Transaction, id: string, text: string) =>
  transaction.query(sql`insert into plinth.key_hashes (hash, key_id) values (${hashKey(text)}, ${id})`)

async function readKeys(
  database: ProjectDatabase,
  { id, tenant, userId }: KeyFilter & { readonly id?: string },
): Promise<ApiKey[]> {
  const { rows } = await database.asOwner<ApiKey & Record<string, never>>(sql`
    select id::text as id, name, value, tenant::text as tenant, user_id::text as "userId", permissions,
      rate_limit::int as "rateLimit", service, is_active as "isActive", expires_at as "expiresAt",
      last_used_at as "lastUsedAt", created_at as "createdAt"
    from plinth.keys
    where (${id ?? null}::text is null or id::text = ${id ?? null})
      and (${tenant ?? null}::text is null or tenant::text = ${tenant ?? null})
      and (${userId ?? null}::text is null or user_id::text = ${userId ?? null})
    order by created_at, id`)
  return rows
}

async function reveal(
  transaction: Transaction,
  id: string,
  { sealingKey, clock }: Pick<KeysOptions, 'sealingKey' | 'clock'>,
): Promise<string> {
  const { rowCount: known } = await transaction.query(
    sql`select from plinth.keys where id::text = ${id} and is_active`,
  )
  if (known !== 1) throw keyErrors.key_not_found()
  const oldest = new Date(clock.now().getTime() - unreadHours * 3_600_000)
  const { rows: sealed } = await transaction.query<{ sealed: Buffer }>(sql`
    delete from plinth.unread_keys where key_id = ${id} and created_at > ${oldest} returning sealed`)
  // Nobody may have sealed it yet.
  const { rows: plain } = await transaction.query<{ value: string }>(sql`
    delete from plinth.plain_keys where key_id = ${id} and is_stored and created_at > ${oldest} returning value`)
  const text = plain[0]?.value ?? (sealed[0] && unseal(sealingKey, sealed[0].sealed, id).toString())
  if (text === undefined) throw keyErrors.key_not_readable()
  await transaction.query(sql`select plinth.note_key_event(${id}, 'revealed')`)
  return text
}

async function readUsage(
  database: ProjectDatabase,
  id: string,
  { since, by }: { readonly since: Date; readonly by: 'hour' | 'day' },
): Promise<KeyUsage[]> {
  const [table, column] = by === 'hour' ? ['key_hours', 'hour'] : ['key_days', 'day']
  const { rows } = await database.asOwner<KeyUsage & Record<string, never>>({
    text: `select ${column}::text as from, calls::int, limited::int, failed::int,
        (milliseconds / greatest(calls, 1))::int as milliseconds
      from plinth.${table} where key_id::text = $1 and ${column} >= $2 order by ${column}`,
    values: [id, since],
  })
  return rows
}
