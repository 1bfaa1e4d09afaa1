import { sql } from '../database/index.ts'
import { openHead, type SignedHead } from './heads/checkpoint.ts'
import type { NoteVerifier } from './heads/signed-note.ts'
import { type Ask, type LogRow, readLeaves } from './store.ts'
import type { Hash } from './tree/hashing.ts'
import { growTree, nodeKey, nodesAmong, type TreeNode } from './tree/nodes.ts'

/** What differs between a log and what its leaves and signatures say. */
export interface LogFinding {
  /**
   * `leaf_missing`: there is none at this place. `node`: a stored node is not the hash of its leaves. `head`: a head that was
   * not signed, or not of these leaves. `copy`: the log is not the one whose head was copied.
   */
  readonly kind: 'leaf_missing' | 'node' | 'head' | 'copy'
  /** Index of the leaf, `level/index` of the node, or size of the head. */
  readonly what: string
}

interface AuditOptions {
  readonly ask: Ask
  readonly row: LogRow | undefined
  readonly verifier: NoteVerifier
  readonly copied: SignedHead | undefined
}

const pageLeaves = 5_000
const most = 100

/** Recomputes the whole tree from its leaves, a page at a time. Gives at most 100 findings. */
export async function auditLog({ ask, row, verifier, copied }: AuditOptions): Promise<readonly LogFinding[]> {
  const findings: LogFinding[] = []
  const tree = growTree(0, nodesAmong([]))
  const size = row?.size ?? 0
  if (copied && copied.size > size) findings.push({ kind: 'copy', what: String(copied.size) })
  for (let from = 0; row && from < size && findings.length < most; from += pageLeaves) {
    const until = Math.min(from + pageLeaves, size)
    const leaves = await readLeaves(ask, row.id, [from, until])
    if (leaves.length < until - from)
      return [...findings, { kind: 'leaf_missing', what: `${from} to ${until}` }]
    const heads = await readHeads(ask, row.id, from, until)
    const nodes: TreeNode[] = []
    for (const leaf of leaves) {
      nodes.push(...tree.append(leaf))
      const root = tree.root
      const head = heads.get(tree.size)
      if (head !== undefined && !isHeadOf(head, tree.size, root(), verifier))
        findings.push({ kind: 'head', what: String(tree.size) })
      if (copied?.size === tree.size && !root().equals(copied.root))
        findings.push({ kind: 'copy', what: String(tree.size) })
    }
    if (until === size && !heads.has(size)) findings.push({ kind: 'head', what: String(size) })
    findings.push(...(await findAlteredNodes(ask, row.id, nodes)))
  }
  return findings.slice(0, most)
}

function isHeadOf(note: string, size: number, root: Hash, verifier: NoteVerifier): boolean {
  const head = openHead(note, verifier)
  return head?.size === size && head.root.equals(root)
}

async function readHeads(ask: Ask, log: number, from: number, until: number): Promise<Map<number, string>> {
  const { rows } = await ask<{ size: string; note: string }>(sql`
    select size, note from plinth.merkle_heads where log = ${log} and size > ${from} and size <= ${until}`)
  return new Map(rows.map(({ size, note }) => [Number(size), note]))
}

async function findAlteredNodes(ask: Ask, log: number, nodes: readonly TreeNode[]): Promise<LogFinding[]> {
  const inner = nodes.filter(({ level }) => level > 0)
  const { rows } = await ask<{ level: number; index: string }>(sql`
    select w.level, w.index
    from unnest(${inner.map(({ level }) => level)}::smallint[], ${inner.map(({ index }) => index)}::bigint[],
      ${inner.map(({ hash }) => hash)}::bytea[]) w (level, index, hash)
    left join plinth.merkle_nodes n on n.log = ${log} and n.level = w.level and n.index = w.index
    where n.hash is distinct from w.hash`)
  return rows.map(({ level, index }) => ({ kind: 'node', what: nodeKey({ level, index: Number(index) }) }))
}
