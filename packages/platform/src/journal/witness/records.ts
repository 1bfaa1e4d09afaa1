import type { ChainHead } from '../encode-entries.ts'

/** Tenant, sequence, hash in hexadecimal. */
export type HeadOf = readonly [tenant: string, sequence: number, hash: string]

/** A stretch that no consumer has seen, as `plinth_journal.gaps` has it. */
export interface SeenGap {
  readonly id: string
  readonly from: string | null
  readonly until: string
  readonly reason: string
}

/** What differs between the database and what was witnessed of it. */
export interface Finding {
  /**
   * `cut_off`: a chain is shorter than it was. `rewritten`: its end is another one, or nobody saw it grow. `position`: the
   * journal's position was moved. `anchor`: a beginning of a chain was put in or taken out. `archive`: a day was dropped
   * that was not archived, or its record altered. `gap`: the record of a gap was taken out. `publication`: a table left
   * the stream, or came back, behind Plinth's back. `witness`: the file itself was altered, lost, or replaced by an older one.
   */
  readonly kind:
    | 'cut_off'
    | 'rewritten'
    | 'position'
    | 'anchor'
    | 'archive'
    | 'gap'
    | 'publication'
    | 'witness'
  /** The tenant, table, day, position or file. */
  readonly what: string
  readonly sequence?: number
}

/** A line of the witness. Each is sealed by an HMAC over itself and the line before. */
export type WitnessRecord =
  /** Nothing before it was witnessed, but what the database said then. */
  | { readonly kind: 'began'; readonly at: string; readonly state: Snapshot }
  /** All that counts from here on: when a file is written anew, and after something was found. */
  | {
      readonly kind: 'state'
      readonly at: string
      /** How often the file was written anew. */
      readonly generation: number
      readonly state: Snapshot
    }
  /** A batch is about to be stored. It is when the next one follows it, or `stored` says so. */
  | {
      readonly kind: 'storing'
      readonly from: string | null
      readonly position: string
      readonly heads: readonly HeadOf[]
    }
  | { readonly kind: 'stored'; readonly at: string; readonly position: string }
  /** A day is about to leave: its file, and where the chains go on. */
  | {
      readonly kind: 'dropping'
      readonly at: string
      readonly day: string
      readonly sha256: string
      readonly anchors: readonly HeadOf[]
    }
  | { readonly kind: 'published'; readonly at: string; readonly tables: readonly string[] }
  | { readonly kind: 'found'; readonly at: string; readonly findings: readonly Finding[] }
  /** An operator has looked at what was found: from here on the database as it then is counts. */
  | { readonly kind: 'accepted'; readonly at: string; readonly reason: string; readonly state: Snapshot }

/** What is known of a database, as it is written. */
export interface Snapshot {
  readonly position: string | null
  readonly heads: readonly HeadOf[]
  readonly anchors: readonly HeadOf[]
  readonly archives: readonly (readonly [day: string, sha256: string])[]
  readonly gaps: readonly SeenGap[]
  readonly published: readonly string[] | null
  readonly findings?: readonly Finding[]
  readonly since?: string
}

interface Pending {
  readonly from: string | null
  readonly position: string
  readonly heads: readonly HeadOf[]
}

/** What the lines add up to. */
export interface WitnessState {
  /** Since when everything was witnessed. */
  since: string
  position: string | null
  readonly heads: Map<string, ChainHead>
  /** What may have been stored after that. */
  pending: Pending | null
  readonly anchors: Map<string, ChainHead>
  /** Anchors that a drop under way may not have replaced yet. */
  readonly formerAnchors: Map<string, ChainHead>
  readonly archives: Map<string, string>
  readonly gaps: Map<string, SeenGap>
  published: readonly string[] | null
  findings: Finding[]
}

export const emptyState = (): WitnessState => ({
  since: '',
  position: null,
  heads: new Map(),
  pending: null,
  anchors: new Map(),
  formerAnchors: new Map(),
  archives: new Map(),
  gaps: new Map(),
  published: null,
  findings: [],
})

/** Takes one more line. */
export function apply(state: WitnessState, record: WitnessRecord): void {
  switch (record.kind) {
    case 'began':
    case 'state':
    case 'accepted':
      restore(state, record.state, record.state.since ?? record.at)
      return
    case 'storing':
      if (state.pending?.position === record.from) confirm(state)
      // Of a process that was overtaken, nothing is stored.
      if (state.position === record.from) state.pending = record
      return
    case 'stored':
      if (state.pending?.position === record.position) confirm(state)
      return
    case 'dropping':
      for (const [tenant, sequence, hash] of record.anchors) {
        const former = state.anchors.get(tenant)
        if (former) state.formerAnchors.set(tenant, former)
        state.anchors.set(tenant, { sequence, hash })
      }
      state.archives.set(record.day, record.sha256)
      return
    case 'published':
      state.published = record.tables
      return
    case 'found':
      state.findings.push(...record.findings)
  }
}

/** What was about to be stored is. */
function confirm(state: WitnessState): void {
  if (!state.pending) return
  state.position = state.pending.position
  for (const [tenant, sequence, hash] of state.pending.heads) state.heads.set(tenant, { sequence, hash })
  state.pending = null
}

export function snapshotOf(state: WitnessState): Snapshot {
  return {
    position: state.position,
    heads: headsOf(state.heads),
    anchors: headsOf(state.anchors),
    archives: [...state.archives],
    gaps: [...state.gaps.values()],
    published: state.published,
    findings: state.findings,
    since: state.since,
  }
}

export const headsOf = (heads: ReadonlyMap<string, ChainHead>): HeadOf[] =>
  [...heads].map(([tenant, { sequence, hash }]) => [tenant, sequence, hash])

function restore(state: WitnessState, given: Snapshot, since: string): void {
  const { heads, anchors, formerAnchors, archives, gaps } = state
  for (const map of [heads, anchors, formerAnchors, archives, gaps]) map.clear()
  for (const [tenant, sequence, hash] of given.heads) heads.set(tenant, { sequence, hash })
  for (const [tenant, sequence, hash] of given.anchors) anchors.set(tenant, { sequence, hash })
  for (const [day, sha256] of given.archives) archives.set(day, sha256)
  for (const gap of given.gaps) gaps.set(gap.id, gap)
  Object.assign(state, {
    since,
    position: given.position,
    pending: null,
    published: given.published,
    findings: [...(given.findings ?? [])],
  })
}
