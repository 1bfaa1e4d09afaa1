import type { ChainHead } from '../encode-entries.ts'
import type { Finding, SeenGap, WitnessState } from './records.ts'

/** What a database says of itself now. */
export interface DatabaseFacts {
  readonly position: string | null
  readonly heads: ReadonlyMap<string, ChainHead>
  readonly anchors: ReadonlyMap<string, ChainHead>
  /** Days that were dropped, with the digests of their files. */
  readonly archives: ReadonlyMap<string, string>
  readonly gaps: ReadonlyMap<string, SeenGap>
}

/** The first hundred, so that a database that was replaced does not fill the file. */
const most = 100

/** What differs from what was witnessed, when nobody stores meanwhile and it is known whether the last batch was stored. */
export function compareWithDatabase(state: WitnessState, facts: DatabaseFacts): Finding[] {
  const findings: Finding[] = []
  if (facts.position !== state.position && !isBehindGap(state, facts))
    findings.push({ kind: 'position', what: facts.position ?? 'none' })
  findings.push(...compareHeads(state.heads, facts.heads))
  findings.push(...compareAnchors(state, facts.anchors))
  findings.push(...compareArchives(state.archives, facts.archives))
  findings.push(...compareGaps(state.gaps, facts.gaps))
  return findings.slice(0, most)
}

/** A slot that was lost moves the position to its successor's, and leaves the record of a gap. */
const isBehindGap = ({ gaps }: WitnessState, { position, gaps: stored }: DatabaseFacts): boolean =>
  [...stored.values()].some(({ id, until }) => until === position && !gaps.has(id))

function* compareHeads(
  witnessed: ReadonlyMap<string, ChainHead>,
  stored: ReadonlyMap<string, ChainHead>,
): Iterable<Finding> {
  for (const [tenant, { sequence, hash }] of witnessed) {
    const found = stored.get(tenant) ?? { sequence: 0, hash: '' }
    if (found.sequence < sequence) yield { kind: 'cut_off', what: tenant, sequence: found.sequence + 1 }
    else if (found.sequence > sequence || found.hash !== hash)
      yield { kind: 'rewritten', what: tenant, sequence: found.sequence }
  }
  for (const [tenant, { sequence }] of stored)
    if (!witnessed.has(tenant)) yield { kind: 'rewritten', what: tenant, sequence }
}

/** A day that was about to leave may still be there: its chains begin where they began before. */
export function* compareAnchors(
  { anchors, formerAnchors }: Pick<WitnessState, 'anchors' | 'formerAnchors'>,
  stored: ReadonlyMap<string, ChainHead>,
): Iterable<Finding> {
  for (const [tenant, anchor] of stored) {
    const isKnown = [anchors.get(tenant), formerAnchors.get(tenant)].some(
      (known) => known?.sequence === anchor.sequence && known.hash === anchor.hash,
    )
    if (!isKnown) yield { kind: 'anchor', what: tenant, sequence: anchor.sequence }
  }
  for (const tenant of formerAnchors.keys()) if (!stored.has(tenant)) yield { kind: 'anchor', what: tenant }
}

export function* compareArchives(
  witnessed: ReadonlyMap<string, string>,
  stored: ReadonlyMap<string, string>,
): Iterable<Finding> {
  for (const [day, sha256] of stored) if (witnessed.get(day) !== sha256) yield { kind: 'archive', what: day }
  // The last one may be leaving just now.
  const last = [...witnessed.keys()].sort().at(-1)
  for (const day of witnessed.keys())
    if (day !== last && !stored.has(day)) yield { kind: 'archive', what: day }
}

export function* compareGaps(
  witnessed: ReadonlyMap<string, SeenGap>,
  stored: ReadonlyMap<string, SeenGap>,
): Iterable<Finding> {
  for (const [id, gap] of witnessed) {
    const found = stored.get(id)
    if (found?.from !== gap.from || found?.until !== gap.until || found?.reason !== gap.reason)
      yield { kind: 'gap', what: `${gap.from ?? 'the beginning'} to ${gap.until}` }
  }
}
