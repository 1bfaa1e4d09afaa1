import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { to as copyTo } from 'pg-copy-streams'
import { createPinnedClient, type ProjectDatabase, sql } from '../database/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { ChainHead } from './encode-entries.ts'
import { journalErrors } from './errors.ts'
import { entryColumns } from './verify-journal.ts'
import type { Witness } from './witness/witness.ts'

export interface ArchiveOptions {
  readonly database: ProjectDatabase
  /** As in {@link createJournal}; days go to `archive/` below it. */
  readonly folder: string
  /** Learns of each day before it leaves: where the chains go on is not for the database alone to say. */
  readonly witness: Pick<Witness, 'dropping'>
  readonly clock: Clock
  /** How many days stay in the database, today among them. Default 30. */
  readonly keepDays?: number
}

export interface ArchivedDay {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string
  readonly entries: number
  /** A binary COPY of the day's entries, compressed by gzip. */
  readonly file: string
  /** Of the file, in hexadecimal. */
  readonly sha256: string
}

const defaultKeepDays = 30

/**
 * Writes every day that is old enough to a file and drops it from the journal; chains go on from an anchor. A day is
 * dropped only when its file is on disk and its digest recorded, and after all days before it. Gives the days that
 * left now. Fails with `journal_archive_broken` when a file that was written before is not what was recorded.
 */
export async function archiveJournal(options: ArchiveOptions): Promise<ArchivedDay[]> {
  const { database, clock, witness, keepDays = defaultKeepDays } = options
  const first = new Date(clock.now().getTime() - (keepDays - 1) * 86_400_000).toISOString().slice(0, 10)
  // A day of a clock that was ahead is old when one after it was begun long enough ago.
  const { rows } = await database.asJournal<{ day: string; old: boolean }>(sql`
    select to_char(d.day, 'YYYY-MM-DD') as day, d.day < ${first}::date or exists (
        select from plinth_journal.days later where later.day > d.day
          and later.opened_at < ${first}::timestamptz + interval '1 day') as old
    from plinth_journal.days d
    join pg_inherits i on i.inhparent = 'plinth_journal.entries'::regclass
    join pg_class c on c.oid = i.inhrelid and c.relname = 'entries_' || to_char(d.day, 'YYYYMMDD')
    order by d.day`)
  const left: ArchivedDay[] = []
  for (const { day, old } of rows) {
    if (!old) break
    const archived = (await findArchive(database, day)) ?? (await writeArchive(options, day))
    await witness.dropping(day, archived.sha256, await readEnds(database, day))
    await dropDay(database, day)
    left.push(archived)
  }
  return left
}

const partitionOf = (day: string) => `plinth_journal.entries_${day.replaceAll('-', '')}`

/** Entries of a past day do not change any more, so the file is complete. */
async function writeArchive({ database, folder }: ArchiveOptions, day: string): Promise<ArchivedDay> {
  const archive = join(folder, 'archive')
  await mkdir(archive, { recursive: true, mode: 0o700 })
  const file = join(archive, `${day}.copy.gz`)
  const draft = await open(`${file}.new`, 'w', 0o600)
  const client = createPinnedClient(database.addresses.journal, `plinth archive ${database.system}`)
  await client.connect()
  try {
    const query = `select ${entryColumns} from ${partitionOf(day)} order by tenant, sequence`
    const rows = client.query(copyTo(`copy (${query}) to stdout (format binary)`))
    await pipeline(rows, createGzip(), draft.createWriteStream({ flush: true }))
    await rename(`${file}.new`, file)
    const sha256 = await digest(file)
    const { rows: counted } = await client.query<{ entries: string }>(
      `insert into plinth_journal.archives (day, file, entries, sha256)
       select $1, $2, count(*), $3 from ${partitionOf(day)} returning entries`,
      [day, file, sha256],
    )
    return { day, file, entries: Number(counted[0]!.entries), sha256: sha256.toString('hex') }
  } finally {
    await client.end()
  }
}

/** A day that was archived and not dropped, because the process ended in between. */
async function findArchive(database: ProjectDatabase, day: string): Promise<ArchivedDay | undefined> {
  const { rows } = await database.asJournal<{ file: string; entries: string; sha256: Buffer }>(
    sql`select file, entries, sha256 from plinth_journal.archives where day = ${day}::date`,
  )
  const found = rows[0]
  if (!found) return undefined
  const present = await digest(found.file).catch(() => null)
  if (!present?.equals(found.sha256)) throw journalErrors.journal_archive_broken({ day, file: found.file })
  return { day, file: found.file, entries: Number(found.entries), sha256: found.sha256.toString('hex') }
}

/** Where the chains of a day end. */
async function readEnds(database: ProjectDatabase, day: string): Promise<ReadonlyMap<string, ChainHead>> {
  const { rows } = await database.asJournal<{ tenant: string; sequence: string; hash: string }>({
    text: `select distinct on (tenant) tenant, sequence, encode(hash, 'hex') as hash
      from ${partitionOf(day)} order by tenant, sequence desc`,
  })
  return new Map(rows.map(({ tenant, sequence, hash }) => [tenant, { sequence: Number(sequence), hash }]))
}

/** In one transaction with the anchors from which the chains go on. */
async function dropDay(database: ProjectDatabase, day: string): Promise<void> {
  await database.transactionAsJournal(async (transaction) => {
    await transaction.query({
      text: `insert into plinth_journal.anchors (tenant, sequence, hash, committed_at)
        select distinct on (tenant) tenant, sequence, hash, max(committed_at) over (partition by tenant)
        from ${partitionOf(day)} order by tenant, sequence desc
        on conflict (tenant) do update set sequence = excluded.sequence, hash = excluded.hash,
          committed_at = greatest(anchors.committed_at, excluded.committed_at)`,
    })
    await transaction.query(
      sql`update plinth_journal.archives set dropped_at = clock_timestamp() where day = ${day}::date`,
    )
    await transaction.query({ text: `drop table ${partitionOf(day)}` })
  })
}

async function digest(file: string): Promise<Buffer> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest()
}
