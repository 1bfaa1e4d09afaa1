import type { EventEmitter } from 'node:events'
import pg from 'pg'
import { messageOf } from '../../kernel/index.ts'
import { type ActorMessages, actorStatement, createActorMessages } from '../callers/actor-message.ts'
import { toQuery } from '../callers/run-transaction.ts'
import { databaseErrors } from '../errors.ts'
import type { ProjectAddresses } from '../project-database.ts'
import type { Migration, MigrationSet } from './read-migrations.ts'
import { endsItsTransaction, lineOfFailure } from './sql-text.ts'

interface AppliedMigration {
  readonly set: string
  readonly name: string
  readonly checksum: string
}

/** Any number will do as long as nobody else in the database takes the same one. */
const migrationLock = 7_077_001

const bookkeeping = `
create schema if not exists plinth;
create table if not exists plinth.migrations (
  set text not null,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now(),
  primary key (set, name)
);
comment on table plinth.migrations is 'Every migration that this database has had, with the checksum of its file.';
alter table plinth.migrations enable row level security;`

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
  { ownerDirect: url, actorSecret }: Pick<ProjectAddresses, 'ownerDirect' | 'actorSecret'>,
  sets: readonly MigrationSet[],
): Promise<MigrationReport> {
  const client = new pg.Client({ connectionString: url, application_name: 'plinth migrations' })
  const actors = createActorMessages(actorSecret)
  // A connection that breaks fails the statement under way; nothing else is to be done about it.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    await client.query(bookkeeping)
    const { rows } = await client.query<AppliedMigration>('select set, name, checksum from plinth.migrations')
    const database = client.database ?? url
    requireKnownSets(sets, rows, database)
    const pending = sets.flatMap((set) => findPending(set, rows, database))
    for (const { set, migration } of pending) await apply(client, actors, set, migration, database)
    return { applied: pending.map(({ set, migration }) => `${set}/${migration.name}`) }
  } finally {
    await client.end()
  }
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
  set: string,
  migration: Migration,
  database: string,
): Promise<void> {
  const actor = {
    user: null,
    role: 'owner',
    requestId: null,
    via: 'migration',
    reason: `${set}/${migration.name}`,
  }
  await client.query('begin')
  let done = 0
  const count = () => {
    done += 1
  }
  const { connection } = client as unknown as { connection: EventEmitter }
  try {
    await client.query(toQuery(actorStatement(actors, actor)))
    connection.on('commandComplete', count)
    await client.query(migration.sql)
    connection.off('commandComplete', count)
    await client.query('insert into plinth.migrations (set, name, checksum) values ($1, $2, $3)', [
      set,
      migration.name,
      migration.checksum,
    ])
    await client.query('commit')
    await client.query('reset all')
  } catch (cause) {
    connection.off('commandComplete', count)
    await client.query('rollback').catch(() => undefined)
    const line = lineOfFailure(migration.sql, done, cause)
    const place = `${migration.file ?? migration.name}:${line}`
    throw databaseErrors.migration_failed(
      { place, set, name: migration.name, database, problem: messageOf(cause) },
      cause,
    )
  }
}
