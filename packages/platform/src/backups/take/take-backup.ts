import { type ProjectDatabase, sql } from '../../database/index.ts'
import { AppError, messageOf } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { type BackupRecord, findBackup } from '../catalogue/backup-record.ts'
import { backupErrors } from '../errors.ts'
import type { BackupIndex, Reference } from '../format/manifest.ts'
import { createRowHash } from '../format/row-hash.ts'
import { wholeProject } from '../project/project-set.ts'
import { readSet } from '../project/read-set.ts'
import { createPersonalValues } from '../set/personal-values.ts'
import type { SetTable } from '../set/tenant-set.ts'
import { changeFrames, fromSnapshot, fullFrames, hashOf, type Taking } from './full-frames.ts'
import { isJournalled, type JournalState, readJournalState } from './journal-state.ts'
import { findMark, settleMilliseconds } from './mark.ts'
import { readChanges } from './read-changes.ts'
import { requireTenant } from './require-tenant.ts'
import type { TakeSession } from './take-session.ts'
import { writeBackup } from './write-backup.ts'

/** More changes than these are not written one by one: a full backup costs less. */
const mostChanges = 200_000

interface ClaimedBackup {
  readonly id: string
  readonly tenant: string
  readonly wanted: 'auto' | 'full' | 'incremental'
  readonly trigger: 'schedule' | 'manual'
  readonly label: string | null
}

export interface TakeOptions {
  /** When the journal was last known to have everything. Default: it is asked for. */
  readonly settledAt?: Date | undefined
}

/**
 * Takes a backup that was asked for: at most once, whoever tries. What fails is recorded and thrown. Fails with
 * `backup_unknown`, `backup_busy`, `backup_unknown_tenant`, `backup_table_without_key`, `backup_place_full`,
 * `backup_place_gone`.
 */
export async function takeBackup(
  context: BackupContext,
  session: TakeSession,
  id: string,
  options: TakeOptions = {},
): Promise<BackupRecord> {
  const { database, clock } = context
  const found = await findBackup(database, id)
  return session.alone(found.tenant, async () => {
    await failInterrupted(database, found.tenant, clock.now())
    const { rows } = await database.asOwner<ClaimedBackup & Record<string, unknown>>(sql`
      update plinth.backups set status = 'running', started_at = ${clock.now()}
      where id = ${id} and status = 'waiting' returning id, tenant, wanted, trigger, label`)
    // Somebody else took it.
    if (!rows[0]) return findBackup(database, id)
    try {
      return await take(context, session, rows[0], options)
    } catch (error) {
      await recordFailure(database, id, clock.now(), error)
      throw error
    }
  })
}

/** Whoever has the tenant's lock knows that nobody else is at it: what still runs by its record was interrupted. */
async function failInterrupted(database: ProjectDatabase, tenant: string, now: Date): Promise<void> {
  await database.asOwner(sql`
    update plinth.backups set status = 'failed', completed_at = ${now}, error_code = 'backup_interrupted',
      error = 'The process that took it ended.'
    where tenant = ${tenant} and status = 'running'`)
}

async function recordFailure(
  database: ProjectDatabase,
  id: string,
  now: Date,
  error: unknown,
): Promise<void> {
  const code = error instanceof AppError ? error.code : 'internal'
  await database.asOwner(sql`
    update plinth.backups set status = 'failed', completed_at = ${now}, error_code = ${code}, error = ${messageOf(error)}
    where id = ${id}`)
}

interface Head {
  readonly last: string
  readonly base: string
  readonly sequence: string | null
  readonly state: BackupIndex
  readonly full_at: string
  readonly sha256: string
}

async function take(
  context: BackupContext,
  session: TakeSession,
  { id, tenant, wanted, trigger, label }: ClaimedBackup,
  { settledAt }: TakeOptions,
): Promise<BackupRecord> {
  const began = performance.now()
  await requireTenant(context, tenant)
  const tables = await readSet(context, session.client, tenant)
  const head = await readHead(context.database, tenant)
  if (wanted !== 'full' && head && isJournalled(tables)) {
    const takenAt = settledAt ?? context.clock.now()
    if (!settledAt) await context.tail.settle(settleMilliseconds)
    const state = await readJournalState(context, tenant, tables)
    if (goesOn(context, head, state, tables))
      return takeIncremental(context, { id, tenant, trigger, label, tables, head, state, takenAt, began })
  }
  return takeFull(context, session, { id, tenant, trigger, label, tables, head, began })
}

/** What an incremental backup stands on must be whole: the journal since then, the tables' shape, and their hashes. */
function goesOn(
  { fullEveryHours, clock }: BackupContext,
  head: Head,
  state: JournalState,
  tables: readonly SetTable[],
): boolean {
  if (head.sequence === null) return false
  const from = Number(head.sequence)
  const isYoung = clock.now().getTime() - Date.parse(head.full_at) < fullEveryHours * 3_600_000
  const isWhole = state.gaps === head.state.gaps && state.archived <= from && state.sequence >= from
  const isSameShape =
    state.schemaChange === head.state.schemaChange &&
    tables.length === Object.keys(head.state.tables).length &&
    tables.every((table) => isSameTable(table, head.state.tables[table.relation]))
  return isYoung && isWhole && isSameShape && state.sequence - from <= mostChanges
}

function isSameTable(table: SetTable, known: BackupIndex['tables'][string] | undefined): boolean {
  const of = (columns: readonly { readonly name: string; readonly type: string }[]) =>
    JSON.stringify(columns.map(({ name, type }) => [name, type]))
  return (
    known !== undefined &&
    of(known.columns) === of(table.columns) &&
    `${known.personal}` === `${table.personal}`
  )
}

interface Wanted extends Omit<ClaimedBackup, 'wanted'> {
  readonly tables: readonly SetTable[]
  readonly began: number
}

async function takeIncremental(
  context: BackupContext,
  given: Wanted & { readonly head: Head; readonly state: JournalState; readonly takenAt: Date },
): Promise<BackupRecord> {
  const { id, tenant, trigger, label, tables, head, state, takenAt, began } = given
  const taking = createTaking(context, tenant, tables)
  for (const [relation, known] of Object.entries(head.state.tables))
    taking.hashes.set(relation, createRowHash(known))
  const from = Number(head.sequence)
  const changes = await readChanges(context, tenant, { from, upTo: state.sequence }, tables)
  return writeBackup(context, {
    id,
    kind: 'incremental',
    trigger,
    label,
    takenAt,
    sequence: state.sequence,
    base: head.base,
    previous: { id: head.last, sha256: head.sha256 },
    frames: changeFrames(changes, taking),
    taking,
    state,
    migrations: head.state.migrations,
    sequences: await readSequences(context.database, tables),
    began,
  })
}

/**
 * All rows in one snapshot, then what was committed between its mark and the journal's end: together they are the state at
 * one number of the journal.
 */
async function takeFull(
  context: BackupContext,
  { client }: TakeSession,
  { id, tenant, trigger, label, tables: looked, head, began }: Wanted & { readonly head: Head | null },
): Promise<BackupRecord> {
  const { database, clock } = context
  const before = await readJournalState(context, tenant, looked)
  const mark = isJournalled(looked) ? await findMark(context, client, tenant) : null
  await client.query('begin isolation level repeatable read read only')
  try {
    await client.query('set local row_security = off')
    const tables = await readSet(context, client, tenant)
    const takenAt = clock.now()
    if (mark !== null) await context.tail.settle(settleMilliseconds)
    const state = await readJournalState(context, tenant, tables)
    // What happened meanwhile cannot be read back.
    if (mark !== null && (state.archived > mark || state.gaps !== before.gaps))
      throw backupErrors.backup_busy({ tenant })
    const taking = createTaking(context, tenant, tables)
    for (const { relation } of tables) hashOf(taking, relation)
    const changes =
      mark === null
        ? []
        : fromSnapshot(
            client,
            await readChanges(context, tenant, { from: mark, upTo: state.sequence }, tables),
            tables,
          )
    const frames = async function* () {
      yield* fullFrames(client, taking)
      yield* changeFrames(changes, taking)
    }
    const written = await writeBackup(context, {
      id,
      kind: 'full',
      trigger,
      label,
      takenAt,
      sequence: mark === null ? null : state.sequence,
      base: null,
      previous: head && ({ id: head.last, sha256: head.sha256 } satisfies Reference),
      frames: frames(),
      taking,
      state,
      migrations: await readAppliedMigrations(database),
      sequences: await readSequences(database, tables),
      ...(tenant === wholeProject ? { secrets: await readSecrets(context) } : {}),
      began,
    })
    await client.query('commit')
    return written
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function readSecrets({ secretFiles }: BackupContext): Promise<Readonly<Record<string, string>>> {
  const secrets: Record<string, string> = {}
  for (const { name, read } of secretFiles) {
    const content = await read()
    if (content) secrets[name] = content.toString('base64')
  }
  return secrets
}

const createTaking = (context: BackupContext, tenant: string, tables: readonly SetTable[]): Taking => ({
  tenant,
  tables,
  // Made anew for each backup: keys of persons are not remembered from before an erasure.
  personal: createPersonalValues({ database: context.database, key: context.journalKey }),
  hashes: new Map(),
  rows: 0,
})

async function readHead(database: ProjectDatabase, tenant: string): Promise<Head | null> {
  const { rows } = await database.asOwner<Head & Record<string, unknown>>(sql`
    select h.last, h.base, h.sequence, h.state, h.full_at, b.sha256
    from plinth.backup_heads h join plinth.backups b on b.id = h.last and b.status = 'completed'
    join plinth.backups f on f.id = h.base and f.status = 'completed'
    where h.tenant = ${tenant}`)
  return rows[0] ?? null
}

async function readAppliedMigrations(database: ProjectDatabase): Promise<readonly string[]> {
  const { rows } = await database.asOwner<{ name: string }>(
    sql`select set || '/' || name as name from plinth.migrations order by 1`,
  )
  return rows.map(({ name }) => name)
}

/** Where the sequences of the tables stand: the next value is never lower after a restore. */
async function readSequences(
  database: ProjectDatabase,
  tables: readonly SetTable[],
): Promise<Readonly<Record<string, string>>> {
  const names = tables.flatMap(({ columns }) => columns.flatMap(({ sequence }) => sequence ?? []))
  const { rows } = await database.asOwner<{ name: string; value: string }>(sql`
    select n as name, coalesce(pg_catalog.pg_sequence_last_value(n::pg_catalog.regclass), 0)::text as value
    from unnest(${names}::text[]) n`)
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}
