import { randomUUID } from 'node:crypto'
import {
  type ActorMessages,
  actorStatement,
  createActorMessages,
  type ProjectAddresses,
  toQuery,
} from '@plinth/platform/database'
import pg from 'pg'
import { importErrors } from './errors.ts'

/** A connection of the import's own: COPY and session locks pass neither a pooler nor a pipeline. */
export interface ImportSession {
  readonly client: pg.Client
  readonly actors: ActorMessages
  readonly shop: { readonly id: string; readonly currency: string }
}

export interface SessionOptions {
  readonly addresses: Pick<ProjectAddresses, 'ownerDirect' | 'actorSecret'>
  readonly shopId: string
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Runs `work` as the only import into a shop. Fails with `import_unknown_shop`, and with `import_running` while
 * another import into the shop runs, on whatever node.
 */
export async function withSession<T>(
  { addresses, shopId }: SessionOptions,
  work: (session: ImportSession) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: addresses.ownerDirect, application_name: 'plinth import' })
  // A connection that breaks fails the query under way; without a listener it would end the process as well.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const shop = await findShop(client, shopId)
    const { rows } = await client.query<{ mine: boolean }>(
      "select pg_try_advisory_lock(hashtextextended('plinth.import:' || $1, 0)) as mine",
      [shop.id],
    )
    if (!rows[0]?.mine) throw importErrors.import_running({ shop: shop.id })
    return await work({ client, shop, actors: createActorMessages(addresses.actorSecret) })
  } finally {
    await client.end()
  }
}

async function findShop(client: pg.Client, shopId: string) {
  if (!uuid.test(shopId)) throw importErrors.import_unknown_shop({ shop: shopId })
  const { rows } = await client.query<{ id: string; currency: string }>(
    'select id, currency from public.shops where id = $1',
    [shopId],
  )
  const shop = rows[0]
  if (!shop) throw importErrors.import_unknown_shop({ shop: shopId })
  return shop
}

/**
 * Runs `work` in a transaction that the journal ascribes to the import, and that writes what triggers would. The
 * commit does not wait for the disk: only the last transaction of an import has to, and it carries all before it.
 */
export async function importTransaction<T>(
  { client, actors }: ImportSession,
  reason: string,
  work: () => Promise<T>,
  { isLast = false } = {},
): Promise<T> {
  const actor = { user: null, role: 'service_role', requestId: randomUUID(), via: 'import', reason }
  await client.query('begin')
  try {
    await client.query(toQuery(actorStatement(actors, actor)))
    await client.query(
      "select set_config('plinth.importing', 'on', true), set_config('synchronous_commit', $1, true)",
      [isLast ? 'on' : 'off'],
    )
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}
