import { type ProjectDatabase, sql, type Transaction } from '../database/index.ts'
import { readJournalledTables, schemaChangesTable } from '../journal/index.ts'
import { createTurns, newId, seal } from '../kernel/index.ts'
import {
  type Batch,
  type CommittedTransaction,
  type DurableConsumer,
  type MissedCommits,
  type RowChange,
  type TransactionChunk,
  tailErrors,
} from '../tail/index.ts'
import { readEnabledEndpoints, type WebhookEndpoint } from './webhook-endpoints.ts'

export interface WebhookConsumerOptions {
  readonly database: ProjectDatabase
  /** 32 bytes; seals the messages until they are sent. */
  readonly key: Buffer
  /** Called in the transaction that queues messages, with the endpoints that they are for: adds the jobs that send them. */
  wake?(transaction: Transaction, endpoints: readonly string[]): Promise<void>
}

interface Message {
  readonly id: string
  readonly endpoint: string
  readonly sealed: Buffer
}

/**
 * Turns changes into messages for the endpoints that asked for them. A message is queued exactly once: with the
 * position of the stream, in one transaction. Sending is the sender's business and happens at least once.
 */
export function createWebhookConsumer(options: WebhookConsumerOptions): DurableConsumer {
  const { database, key } = options
  let stored: string | null = null
  let tenantColumns: ReadonlyMap<string, string | null> = new Map()

  async function position(): Promise<string | null> {
    const tables = await readJournalledTables(database)
    tenantColumns = new Map(tables.map((table) => [table.relation, table.tenant_column]))
    const { rows } = await database.asOwner<{ position: string }>(
      sql`select position::text from plinth.webhook_position`,
    )
    stored = rows[0]?.position ?? null
    return stored
  }

  async function handle(batch: Batch): Promise<void> {
    const endpoints = await readEnabledEndpoints(database)
    if (endpoints.length === 0) return
    let isQueued = false
    await database.transactionAsOwner(async (transaction) => {
      const woken = new Set<string>()
      for await (const chunks of batch) {
        const messages = await messagesOf(chunks, endpoints)
        if (messages.length > 0) await transaction.query(insertMessages(messages))
        for (const { endpoint } of messages) woken.add(endpoint)
      }
      if (woken.size === 0) return
      await movePosition(transaction, batch.position)
      await options.wake?.(transaction, [...woken])
      isQueued = true
    })
    if (isQueued) stored = batch.position
  }

  async function messagesOf(
    chunks: readonly TransactionChunk[],
    endpoints: readonly WebhookEndpoint[],
  ): Promise<Message[]> {
    const turns = createTurns()
    const messages: Message[] = []
    for (const { transaction, changes } of chunks) {
      for (const change of changes) {
        messages.push(...messagesFor(transaction, change, endpoints))
        if (turns.isDue()) await turns.take()
      }
    }
    return messages
  }

  function messagesFor(
    transaction: CommittedTransaction,
    change: RowChange,
    endpoints: readonly WebhookEndpoint[],
  ): Message[] {
    const { relation, operation } = change
    const table = `${relation.schema}.${relation.table}`
    if (table === schemaChangesTable) return []
    const tenant = tenantOf(change, table)
    const wanted = endpoints.filter(
      (endpoint) =>
        endpoint.operations.includes(operation) &&
        (endpoint.tables.length === 0 || endpoint.tables.includes(table)) &&
        (endpoint.tenant === null || endpoint.tenant === tenant),
    )
    if (wanted.length === 0) return []
    const { before, after } = change
    const payload = JSON.stringify({
      type: `${table}.${operation}`,
      timestamp: transaction.committedAt,
      data: { table, operation, tenant, position: transaction.position, before, after },
    })
    return wanted.map((endpoint) => {
      const id = newId()
      return { id, endpoint: endpoint.id, sealed: seal(key, payload, id) }
    })
  }

  /** Values are text as PostgreSQL writes them, so the tenant is compared as text. */
  function tenantOf({ before, after }: RowChange, table: string): string | null {
    const column = tenantColumns.get(table)
    return column ? ((after ?? before)?.[column] ?? null) : null
  }

  async function movePosition(transaction: Transaction, position: string): Promise<void> {
    const { rowCount } = await transaction.query(sql`
      insert into plinth.webhook_position (position) values (${position}::pg_lsn)
      on conflict (only_one) do update set position = excluded.position
      where webhook_position.position = ${stored}::pg_lsn`)
    if (rowCount !== 1) throw tailErrors.tail_overtaken({ system: database.system })
  }

  async function missed({ until }: MissedCommits): Promise<void> {
    const { rowCount } = await database.asOwner(
      sql`update plinth.webhook_position set position = ${until}::pg_lsn`,
    )
    if (rowCount === 1) stored = until
  }

  return { name: 'webhooks', position, handle, missed }
}

const insertMessages = (messages: readonly Message[]) => sql`
  insert into plinth.webhook_deliveries (id, endpoint, sealed_payload)
  select m.id, m.endpoint, m.sealed
  from unnest(${messages.map(({ id }) => id)}::uuid[], ${messages.map(({ endpoint }) => endpoint)}::uuid[],
    ${messages.map(({ sealed }) => sealed)}::bytea[]) with ordinality m(id, endpoint, sealed, place)
  where exists (select from plinth.webhook_endpoints e where e.id = m.endpoint)
  order by m.place`
