import type { EventEmitter } from 'node:events'
import type pg from 'pg'
import { messageOf } from '../../kernel/index.ts'
import { type ActorMessages, actorStatement, createActorMessages } from '../callers/actor-message.ts'
import { toQuery } from '../callers/transaction-query.ts'
import { databaseErrors } from '../errors.ts'
import { createPinnedClient } from '../pinned-session.ts'
import type { ProjectAddresses } from '../project-database.ts'
import { lookAtSchema } from './note-schema-changes.ts'
import type { Migration, MigrationSet } from './read-migrations.ts'
import { endsItsTransaction, lineOfFailure } from './sql-text.ts'

interface AppliedMigration {
  readonly set: string
  readonly name: string
  readonly checksum: string
}

/** Any number will do as long as nobody else in the database takes the same one. */
const migrationLock = 7_077_001

/** The schema in which each role keeps the book of what it applied. */
const bookSchemas = { owner: 'plinth', journal: 'plinth_journal' } as const
type MigrationRole = keyof typeof bookSchemas

const bookOf = (schema: string) => `
create table if not exists ${schema}.migrations (
  set text not null,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now(),
  primary key (set, name)
);
comment on table ${schema}.migrations is 'Every migration that this database has had, with the checksum of its file.';
alter table ${schema}.migrations enable row level security;`

export interface MigrationReport {
  /** `set/name` of what was applied now, in order. */
  readonly applied: readonly string[]
}

/**
 * Brings a database up to date: applies what is missing, each migration in a transaction of its own, one node at a
 * time. `sets` are all that the database may have had: one that it knows and that is not among them comes from a newer
 * version. Fails with `migration_edited`, `migration_missing`, `migration_out_of_order` or `migration_not_atomic`
 * before it changes anything, or with `migration_failed`, which leaves the database as it was before the migration
 * that failed.
 */
export async function applyMigrations(
  addresses: MigrationAddresses,
  sets: readonly MigrationSet[],
): Promise<MigrationReport> {
  const applied: string[] = []
  for (const role of ['journal', 'owner'] as const) {
    const ofRole = sets.filter((set) => (set.role ?? 'owner') === role)
    // The journal's role makes nothing where there is no journal.
    if (role === 'owner' || ofRole.length > 0) applied.push(...(await applyAs(role, addresses, ofRole)))
  }
  return { applied }
}

type MigrationAddresses = Pick<ProjectAddresses, 'ownerDirect' | 'journal' | 'actorSecret'>

async function applyAs(
  role: MigrationRole,
  addresses: MigrationAddresses,
  sets: readonly MigrationSet[],
): Promise<readonly string[]> {
  const actors = createActorMessages(addresses.actorSecret)
  const client = createMigrationClient(role, addresses)
  const schema = bookSchemas[role]
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1, $2)', [migrationLock, role === 'owner' ? 0 : 1])
    await client.query(`create schema if not exists ${schema}`)
    await requireOwnSchema(client, schema)
    await client.query(bookOf(schema))
    const { rows } = await client.query<AppliedMigration>(
      `select set, name, checksum from ${schema}.migrations`,
    )
    const database = client.database!
    requireKnownSets(sets, rows, database)
    const pending = sets.flatMap((set) => findPending(set, rows, database))
    for (const { set, migration } of pending) await apply(client, actors, schema, set, migration)
    return pending.map(({ set, migration }) => `${set}/${migration.name}`)
  } finally {
    await client.end()
  }
}

/** A system's SQL may leave names of `public` unqualified; the journal's meets nothing that the owner made. */
function createMigrationClient(role: MigrationRole, { ownerDirect, journal }: MigrationAddresses): pg.Client {
  const url = role === 'owner' ? ownerDirect : journal
  const path = role === 'owner' ? { search_path: 'public' } : {}
  return createPinnedClient(url, 'plinth migrations', path)
}

/** The owner of a database may make any schema first, and what is in it is then his to drop. */
async function requireOwnSchema(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ owner: string; own: boolean }>(
    `select pg_catalog.pg_get_userbyid(nspowner) as owner, pg_catalog.pg_get_userbyid(nspowner) = current_user as own
     from pg_catalog.pg_namespace where nspname = $1`,
    [schema],
  )
  const { owner, own } = rows[0]!
  if (!own) throw databaseErrors.schema_taken({ schema, owner, database: client.database! })
}

function requireKnownSets(
  sets: readonly MigrationSet[],
  applied: readonly AppliedMigration[],
  database: string,
): void {
  const names = new Set(sets.map(({ name }) => name))
  const unknown = applied.find(({ set }) => !names.has(set))
  if (unknown) throw databaseErrors.migration_missing({ ...unknown, database })
}

function findPending(set: MigrationSet, applied: readonly AppliedMigration[], database: string) {
  const done = applied.filter((row) => row.set === set.name)
  const files = new Map(set.migrations.map((migration) => [migration.name, migration]))
  for (const row of done) {
    const file = files.get(row.name)
    if (!file) throw databaseErrors.migration_missing({ ...row, database })
    if (file.checksum !== row.checksum) throw databaseErrors.migration_edited({ ...row, database })
  }
  const pending = set.migrations.filter((migration) => !done.some((row) => row.name === migration.name))
  const last = done
    .map((row) => row.name)
    .sort()
    .at(-1)
  const early = pending.find((migration) => last !== undefined && migration.name < last)
  if (early)
    throw databaseErrors.migration_out_of_order({ set: set.name, name: early.name, applied: last, database })
  const torn = pending.find(({ sql }) => endsItsTransaction(sql))
  if (torn) throw databaseErrors.migration_not_atomic({ set: set.name, name: torn.name })
  return pending.map((migration) => ({ set: set.name, migration }))
}

async function apply(
  client: pg.Client,
  actors: ActorMessages,
  schema: string,
  set: string,
  migration: Migration,
): Promise<void> {
  const { name, sql, checksum } = migration
  const reason = `${set}/${name}`
  const actor = { user: null, role: 'owner', requestId: null, via: 'migration', reason }
  await client.query('begin')
  let done = 0
  const count = () => {
    done += 1
  }
  const { connection } = client as unknown as { connection: EventEmitter }
  try {
    await client.query(toQuery(actorStatement(actors, actor)))
    const notes = await lookAtSchema(client)
    connection.on('commandComplete', count)
    await client.query(sql)
    connection.off('commandComplete', count)
    await notes.note()
    await client.query(`insert into ${schema}.migrations (set, name, checksum) values ($1, $2, $3)`, [
      set,
      name,
      checksum,
    ])
    await client.query('commit')
    await client.query('reset all')
  } catch (cause) {
    connection.off('commandComplete', count)
    await client.query('rollback').catch(() => undefined)
    const place = `${migration.file ?? name}:${lineOfFailure(sql, done, cause)}`
    const database = client.database!
    throw databaseErrors.migration_failed({ place, set, name, database, problem: messageOf(cause) }, cause)
  }
}
