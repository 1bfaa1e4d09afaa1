import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { quoteName } from '../../database/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'
import type { Frame, TableHeader } from '../format/frames.ts'
import type { PersonalValues } from '../set/personal-values.ts'
import type { SetColumn, SetTable } from '../set/tenant-set.ts'
import { framesOf, type OpenBackup } from './open-chain.ts'

/** A table of today with the rows of a backup beside it, in a temporary table. */
export interface StagedTable {
  readonly table: SetTable
  /** Quoted name of the temporary table; it has the backup's columns and `plinth_closed`. */
  readonly stage: string
  /** Columns that the backup has; others were added since. */
  readonly columns: readonly SetColumn[]
}

/** Beside the backup's columns: true where a value could not be opened because its person was erased. */
export const closedColumn = 'plinth_closed'

/**
 * Temporary tables for those of the backup's tables that are wanted, as long as the transaction. Fails with
 * `backup_schema_changed` where a column is gone, or of another type.
 */
export async function makeStages(
  client: pg.Client,
  { index }: OpenBackup,
  tables: readonly SetTable[],
): Promise<readonly StagedTable[]> {
  const staged: StagedTable[] = []
  for (const [relation, known] of Object.entries(index.tables)) {
    const table = tables.find((each) => each.relation === relation)
    if (!table) continue
    const refuse = (problem: string) => {
      throw backupErrors.backup_schema_changed({ table: relation, problem })
    }
    const columns = known.columns.map(({ name, type }) => {
      const today = table.columns.find((column) => column.name === name)
      if (!today) return refuse(`column ${name} is gone`)
      if (today.type !== type) return refuse(`column ${name} was ${type} and is ${today.type}`)
      return today
    })
    const names = new Set(columns.map(({ name }) => name))
    const needed = table.columns.find(
      (column) =>
        !names.has(column.name) && !column.isNullable && column.default === null && column.sequence === null,
    )
    if (needed) refuse(`column ${needed.name} was added and may not be null`)
    if (`${known.key}` !== `${table.key.map(({ name }) => name)}`) refuse('its primary key is another one')
    const stage = quoteName(`plinth_stage_${staged.length + 1}`)
    const shape = columns.map(({ sql, type }) => `${sql} ${type}`).join(', ')
    for (const name of [stage, changesOf(stage)])
      await client.query(
        `create temp table ${name} (${shape}, ${closedColumn} boolean not null default false) on commit drop`,
      )
    const keys = table.key.map(({ sql, type }) => `${sql} ${type}`).join(', ')
    await client.query(`create temp table ${goneOf(stage)} (${keys}) on commit drop`)
    staged.push({ table, stage, columns })
  }
  return staged
}

const changesOf = (stage: string) => stage.replace('stage', 'changes')
const goneOf = (stage: string) => stage.replace('stage', 'gone')

export interface LoadedRows {
  /** Rows of which a person was erased since. */
  readonly closed: number
}

/** Loads a backup and what it stands on into the stages. Fails as `framesOf` does. */
export async function loadStages(
  context: BackupContext,
  client: pg.Client,
  chain: readonly OpenBackup[],
  staged: readonly StagedTable[],
  personal: PersonalValues,
): Promise<LoadedRows> {
  for (const backup of chain) {
    const source = framesOf(context, backup)[Symbol.asyncIterator]()
    try {
      for (let next = await source.next(); !next.done; next = await source.next()) {
        if (next.value.kind !== 'table')
          throw backupErrors.backup_damaged({ problem: 'rows without a table' })
        await loadTable(client, source, next.value.header, staged, personal)
      }
    } finally {
      await source.return?.()
    }
  }
  let closed = 0
  for (const { stage, table } of staged) {
    const keys = table.key.map(({ sql }) => sql).join(', ')
    await client.query(`create unique index on ${stage} (${keys})`).catch((cause: unknown) => {
      throw backupErrors.backup_damaged({ problem: `${table.relation} has a row twice` }, cause)
    })
    await client.query(`analyze ${stage}`)
    if (table.personal.length === 0) continue
    const { rows } = await client.query<{ closed: string }>(
      `select count(*) as closed from ${stage} where ${closedColumn}`,
    )
    closed += Number(rows[0]!.closed)
  }
  return { closed }
}

async function loadTable(
  client: pg.Client,
  source: AsyncIterator<Frame>,
  header: TableHeader,
  staged: readonly StagedTable[],
  personal: PersonalValues,
): Promise<void> {
  const found = staged.find(({ table }) => table.relation === header.table)
  if (!found) return skipTable(source)
  const target = header.as === 'rows' ? found.stage : changesOf(found.stage)
  const columns = header.columns.map((name) => quoteName(name)).join(', ')
  const isSealed = header.personal.length > 0
  let next = await source.next()
  for (; !next.done && next.value.kind !== 'end'; ) {
    const { kind } = next.value
    // A part that goes on with the table says so again.
    if (kind === 'table') next = await source.next()
    else if (kind === 'rows') {
      const pieces = piecesOf('rows', async (lines) => {
        return isSealed ? personal.openLines({ ...header, relation: header.table }, lines) : lines
      })
      await copyInto(client, `${target} (${columns}${isSealed ? `, ${closedColumn}` : ''})`, pieces)
    } else if (kind === 'gone') {
      const keys = header.key.map((name) => quoteName(name)).join(', ')
      await copyInto(
        client,
        `${goneOf(found.stage)} (${keys})`,
        piecesOf('gone', async (lines) => lines),
      )
    } else throw backupErrors.backup_damaged({ problem: `a ${kind} in the middle of ${header.table}` })
  }
  if (next.done) throw backupErrors.backup_damaged({ problem: `${header.table} ends in the middle` })
  if (header.as === 'changes') await mergeChanges(client, found)

  /** What follows of one kind; leaves `next` at the first of another. */
  async function* piecesOf(kind: 'rows' | 'gone', change: (lines: Buffer) => Promise<Buffer>) {
    while (!next.done && next.value.kind === kind) {
      yield await change(next.value.lines)
      next = await source.next()
    }
  }
}

async function skipTable(source: AsyncIterator<Frame>): Promise<void> {
  for (;;) {
    const next = await source.next()
    if (next.done) throw backupErrors.backup_damaged({ problem: 'a table ends in the middle' })
    if (next.value.kind === 'end') return
  }
}

async function copyInto(client: pg.Client, target: string, pieces: AsyncIterable<Buffer>): Promise<void> {
  await pipeline(
    Readable.from(pieces, { objectMode: false }),
    client.query(copyFrom(`copy ${target} from stdin`)),
  )
}

async function mergeChanges(client: pg.Client, { stage, table, columns }: StagedTable): Promise<void> {
  const [changes, gone] = [changesOf(stage), goneOf(stage)]
  const same = (other: string) => table.key.map(({ sql }) => `s.${sql} = ${other}.${sql}`).join(' and ')
  const all = [...columns.map(({ sql }) => sql), closedColumn].join(', ')
  await client.query(`analyze ${changes}; analyze ${gone}`)
  await client.query(`delete from ${stage} s using ${gone} g where ${same('g')}`)
  await client.query(`delete from ${stage} s using ${changes} c where ${same('c')}`)
  await client.query(`insert into ${stage} (${all}) select ${all} from ${changes}`)
  await client.query(`truncate ${changes}, ${gone}`)
}
