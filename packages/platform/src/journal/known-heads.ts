import { type ChainHead, noHash } from './encode-entries.ts'
import type { JournalSession } from './journal-session.ts'

/** The ends of the chains, as far as they are remembered. */
export interface KnownHeads {
  /** Null when the tenant has no chain yet, undefined when that has to be looked up. */
  find(tenant: string): ChainHead | null | undefined
  /** Looks up what is not known of these tenants. */
  load(session: JournalSession, tenants: Iterable<string>): Promise<void>
  /** Takes over what was stored; forgets what is too much to keep. */
  move(heads: ReadonlyMap<string, ChainHead>): void
  /** Reads everything anew, up to what is remembered. */
  reset(session: JournalSession): Promise<void>
}

interface HeadRow {
  readonly tenant: string
  readonly sequence: string
  readonly hash: string
}

const remembered = 100_000
const headQuery = `select tenant, sequence, encode(hash, 'hex') as hash from plinth_journal.heads`

export function createKnownHeads(): KnownHeads {
  let heads = new Map<string, ChainHead>()
  /** True when a tenant that is not among `heads` has no chain. */
  let isComplete = false

  const take = (rows: readonly HeadRow[]) => {
    for (const { tenant, sequence, hash } of rows) heads.set(tenant, { sequence: Number(sequence), hash })
  }

  return {
    find: (tenant) => heads.get(tenant) ?? (isComplete ? null : undefined),
    load: async (session, tenants) => {
      const wanted = [...tenants]
      const { rows } = await session.query<HeadRow>(`${headQuery} where tenant = any ($1)`, [wanted])
      for (const tenant of wanted) heads.set(tenant, { sequence: 0, hash: noHash })
      take(rows)
    },
    move: (moved) => {
      if (heads.size > remembered) {
        heads = new Map()
        isComplete = false
      }
      for (const [tenant, head] of moved) heads.set(tenant, head)
    },
    reset: async (session) => {
      const { rows } = await session.query<HeadRow>(`${headQuery} limit ${remembered + 1}`)
      heads = new Map()
      isComplete = rows.length <= remembered
      if (isComplete) take(rows)
    },
  }
}
