import { randomBytes } from 'node:crypto'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { newId, seal } from '../kernel/index.ts'
import type { RowChange } from '../tail/index.ts'
import { webhookErrors } from './errors.ts'
import { isPrivateHost } from './public-addresses.ts'

export interface NewWebhookEndpoint {
  /** `https://…`; `http://` is for a receiver on the same machine, where that is allowed. */
  readonly url: string
  /** Only changes of this tenant's rows. Default: all. */
  readonly tenant?: string
  /** `schema.table`, or tables of `public`. Default: every published table. */
  readonly tables?: readonly string[]
  /** Default: all three. */
  readonly operations?: readonly RowChange['operation'][]
}

const secretBytes = 32

/**
 * Adds an address that is told of changes from now on. The secret (`whsec_…`) is shown this once; the receiver checks
 * signatures with it. Fails with `webhook_url_invalid` or `webhook_address_private`: an address that is written as such is
 * judged at once, a name each time that something is sent to it.
 */
export async function addWebhookEndpoint(
  database: ProjectDatabase,
  key: Buffer,
  endpoint: NewWebhookEndpoint,
  { privateAddresses }: { readonly privateAddresses: boolean },
): Promise<{ readonly id: string; readonly secret: string }> {
  const { url, tenant = null, tables = [], operations = ['insert', 'update', 'delete'] } = endpoint
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw webhookErrors.webhook_url_invalid({ url })
  const { hostname } = new URL(url)
  if (!privateAddresses && isPrivateHost(hostname))
    throw webhookErrors.webhook_address_private({ host: hostname })
  const id = newId()
  const secret = `whsec_${randomBytes(secretBytes).toString('base64')}`
  const named = tables.map((table) => (table.includes('.') ? table : `public.${table}`))
  await database.asOwner(sql`
    insert into plinth.webhook_endpoints (id, url, tenant, tables, operations, sealed_secret)
    values (${id}, ${url}, ${tenant}, ${named}, ${operations}, ${seal(key, secret, id)})`)
  return { id, secret }
}

/** Tells an address no more and forgets its messages; false when there is none of this id. */
export async function removeWebhookEndpoint(database: ProjectDatabase, id: string): Promise<boolean> {
  const { rowCount } = await database.asOwner(
    sql`delete from plinth.webhook_endpoints where id::text = ${id}`,
  )
  return rowCount === 1
}

/** Sends everything again that was made for the endpoint since then, under the same ids; gives how many messages. */
export async function replayWebhooks(
  database: ProjectDatabase,
  endpoint: string,
  since: Date,
): Promise<number> {
  const { rows } = await database.asOwner<{ replayed: string }>(
    sql`select plinth.replay_webhooks(${endpoint}, ${since}) as replayed`,
  )
  return Number(rows[0]!.replayed)
}

export interface WebhookEndpoint {
  readonly id: string
  readonly url: string
  readonly tenant: string | null
  readonly tables: readonly string[]
  readonly operations: readonly string[]
  readonly enabled: boolean
}

/** Every address that is told, by its URL. */
export async function listWebhookEndpoints(database: ProjectDatabase): Promise<WebhookEndpoint[]> {
  const { rows } = await database.asOwner<WebhookEndpoint>(
    sql`select id, url, tenant, tables, operations, enabled from plinth.webhook_endpoints order by url`,
  )
  return rows
}

export async function readEnabledEndpoints(database: ProjectDatabase): Promise<WebhookEndpoint[]> {
  const { rows } = await database.asOwner<WebhookEndpoint>(
    sql`select id, url, tenant, tables, operations, enabled from plinth.webhook_endpoints where enabled`,
  )
  return rows
}
