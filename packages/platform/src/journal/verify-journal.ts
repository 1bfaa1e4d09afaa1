import { hash } from 'node:crypto'
import pg from 'pg'
import { createPinnedClient, type ProjectDatabase } from '../database/index.ts'
import { type ChainHead, noHash } from './encode-entries.ts'
import { type CopyRow, readCopyRows } from './read-copy-rows.ts'
import { compareAnchors, compareArchives, compareGaps } from './witness/compare.ts'
import { readArchives, readGaps, readHeads } from './witness/read-database.ts'
import type { Finding, WitnessState } from './witness/records.ts'
import { readWitness } from './witness/witness.ts'

export interface JournalProblem {
  readonly tenant: string
  readonly sequence: number
  /**
   * `altered`: a column of the entry differs from what was hashed. `unlinked`: it does not continue the entry before it.
   * `missing`: the sequence has a hole before it. `cut_off`: later entries were here and are gone. `rewritten`: the
   * chain holds, but it is not the one whose end was kept, outside the database or beside it.
   */
  readonly kind: 'altered' | 'unlinked' | 'missing' | 'cut_off' | 'rewritten'
}

export interface JournalVerification {
  readonly sound: boolean
  readonly entries: number
  readonly tenants: number
  /** Chains whose end was compared with the file outside the database. */
  readonly witnessed: number
  /** Since when everything was witnessed; null when nothing was yet. */
  readonly since: string | null
  /** The first hundred. */
  readonly problems: readonly JournalProblem[]
  /** What differed from the witness, now or when a server took the stream over; until it is accepted. */
  readonly findings: readonly Finding[]
}

export interface VerifyOptions {
  readonly database: ProjectDatabase
  /** The journal's key and folder, as in {@link createJournal}; they open the file of chain heads. */
  readonly key: Buffer
  readonly folder: string
  readonly copyFolder?: string | undefined
  /** Only this tenant; default: all. */
  readonly tenant?: string
}

/** Everything that the hash covers, in its order, then the hash. Entries of one tenant in their sequence. */
export const entryColumns =
  'tenant, sequence, day, position, committed_at, actor, relation, key, operation, before, after, previous_hash, hash'
const entryQuery = `select ${entryColumns} from plinth_journal.entries order by tenant, sequence`
const tenantQuery = (tenant: string) =>
  entryQuery.replace('order by', `where tenant = ${pg.escapeLiteral(tenant)} order by`)

const field = { tenant: 0, sequence: 1, previousHash: 11, hash: 12 }
const most = 100

/**
 * Recomputes every hash from the stored bytes and follows every chain, from its first entry or from where the witness saw
 * older ones leave, to the end that the witness has. The tail may go on writing meanwhile.
 */
export async function verifyJournal(options: VerifyOptions): Promise<JournalVerification> {
  // Before the database is read: the witness is never ahead of what it says was committed.
  const { state, isThere } = await readWitness(options)
  const client = createPinnedClient(options.database.addresses.journal, 'plinth journal verify')
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const anchors = await readHeads(client, 'anchors')
    const check = createChainCheck(state.heads, anchors, await readHeads(client, 'heads'), options.tenant)
    const query = options.tenant === undefined ? entryQuery : tenantQuery(options.tenant)
    for await (const row of readCopyRows(client, query)) check.take(row)
    const chains = check.finish()
    const findings = [...state.findings, ...(isThere ? await compareRecords(state, anchors, client) : [])]
    const sound = chains.problems.length === 0 && findings.length === 0
    return { ...chains, sound, since: isThere ? state.since : null, findings: findings.slice(0, most) }
  } finally {
    await client.end()
  }
}

/** What does not move while the stream is followed. */
async function compareRecords(
  state: WitnessState,
  anchors: ReadonlyMap<string, ChainHead>,
  client: pg.Client,
): Promise<Finding[]> {
  return [
    ...compareAnchors(state, anchors),
    ...compareArchives(state.archives, await readArchives(client)),
    ...compareGaps(state.gaps, await readGaps(client)),
  ]
}

function createChainCheck(
  witnesses: ReadonlyMap<string, ChainHead>,
  anchors: ReadonlyMap<string, ChainHead>,
  heads: ReadonlyMap<string, ChainHead>,
  only: string | undefined,
) {
  const problems: JournalProblem[] = []
  const ends = new Map<string, ChainHead>()
  let entries = 0
  let witnessed = 0
  let tenant: string | null = null
  let last: ChainHead = { sequence: 0, hash: noHash }

  const report = (kind: JournalProblem['kind'], at: string, sequence: number) => {
    if (problems.length < most) problems.push({ tenant: at, sequence, kind })
  }

  function take(row: CopyRow): void {
    entries += 1
    const of = text(row, field.tenant)
    if (of !== tenant) {
      tenant = of
      last = anchors.get(of) ?? { sequence: 0, hash: noHash }
    }
    const sequence = Number(row.bytes.readBigInt64BE(row.fields[field.sequence]![0]))
    const stored = hex(row, field.hash)
    const computed = hash('sha256', row.bytes.subarray(0, row.fields[field.hash]![0] - 4), 'hex')
    if (computed !== stored) report('altered', of, sequence)
    if (sequence !== last.sequence + 1) report('missing', of, sequence)
    else if (hex(row, field.previousHash) !== last.hash) report('unlinked', of, sequence)
    const witness = witnesses.get(of)
    if (witness?.sequence === sequence) {
      witnessed += 1
      if (witness.hash !== stored) report('rewritten', of, sequence)
    }
    last = { sequence, hash: stored }
    ends.set(of, last)
  }

  function finish(): Pick<JournalVerification, 'entries' | 'tenants' | 'witnessed' | 'problems'> {
    const known = new Set([...witnesses.keys(), ...heads.keys()])
    for (const of of known) {
      if (only !== undefined && of !== only) continue
      const end = ends.get(of) ?? anchors.get(of) ?? { sequence: 0, hash: noHash }
      const head = heads.get(of)
      const expected = Math.max(witnesses.get(of)?.sequence ?? 0, head?.sequence ?? 0)
      if (expected > end.sequence) report('cut_off', of, end.sequence + 1)
      else if (head?.sequence !== end.sequence || head.hash !== end.hash)
        report('rewritten', of, end.sequence)
    }
    return { entries, tenants: ends.size, witnessed, problems }
  }

  return { take, finish }
}

const bytes = (row: CopyRow, index: number): Buffer => row.bytes.subarray(...row.fields[index]!)
const text = (row: CopyRow, index: number): string => bytes(row, index).toString()
const hex = (row: CopyRow, index: number): string => bytes(row, index).toString('hex')
