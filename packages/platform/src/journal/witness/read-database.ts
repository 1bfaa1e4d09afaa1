import type pg from 'pg'
import type { ChainHead } from '../encode-entries.ts'
import type { DatabaseFacts } from './compare.ts'
import type { SeenGap } from './records.ts'

type Ask = Pick<pg.ClientBase, 'query'>

interface HeadRow {
  readonly tenant: string
  readonly sequence: string
  readonly hash: string
}

/** Reads what is compared with the witness, in one snapshot when the caller's transaction has one. */
export async function readDatabaseFacts(client: Ask): Promise<DatabaseFacts> {
  return {
    position: await readPosition(client),
    heads: await readHeads(client, 'heads'),
    anchors: await readHeads(client, 'anchors'),
    archives: await readArchives(client),
    gaps: await readGaps(client),
  }
}

export async function readHeads(client: Ask, table: 'anchors' | 'heads'): Promise<Map<string, ChainHead>> {
  const { rows } = await client.query<HeadRow>(
    `select tenant, sequence, encode(hash, 'hex') as hash from plinth_journal.${table}`,
  )
  return new Map(rows.map((row) => [row.tenant, { sequence: Number(row.sequence), hash: row.hash }]))
}

async function readPosition(client: Ask): Promise<string | null> {
  const { rows } = await client.query<{ position: string }>(
    `select position::text from plinth_journal.positions where consumer = 'journal'`,
  )
  return rows[0]?.position ?? null
}

export async function readArchives(client: Ask): Promise<Map<string, string>> {
  const { rows } = await client.query<{ day: string; sha256: string }>(
    `select day::text, encode(sha256, 'hex') as sha256 from plinth_journal.archives where dropped_at is not null`,
  )
  return new Map(rows.map(({ day, sha256 }) => [day, sha256]))
}

export async function readGaps(client: Ask): Promise<Map<string, SeenGap>> {
  const { rows } = await client.query<SeenGap>(
    `select id::text, from_position::text as "from", until_position::text as until, reason from plinth_journal.gaps`,
  )
  return new Map(rows.map((gap) => [gap.id, gap]))
}

/**
 * One line for each table of the stream's publication, and one for the publication itself. A membership that was ended and
 * made again has another row version and another number, also when it says the same as before.
 */
export async function readPublished(client: Ask): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `select line from (
       select format('publication %s %s %s', p.oid, p.xmin, p.pubowner) as line
         from pg_catalog.pg_publication p where p.pubname = 'plinth_tail'
       union all
       select format('%s %s %s %s', n.nspname || '.' || c.relname, c.oid, r.oid, r.xmin)
         from pg_catalog.pg_publication p
         join pg_catalog.pg_publication_rel r on r.prpubid = p.oid
         join pg_catalog.pg_class c on c.oid = r.prrelid
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where p.pubname = 'plinth_tail') lines
     order by line collate "C"`,
  )
  return rows.map(({ line }) => line)
}
