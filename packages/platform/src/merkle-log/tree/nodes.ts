import { emptyRoot, type Hash, nodeHash } from './hashing.ts'

/**
 * The root of a complete subtree: the leaves from `index` × 2^`level` on, 2^`level` of them. Its hash never changes once its
 * last leaf is there, so these are the nodes that a log stores.
 */
export interface NodeId {
  /** 0 for leaves. */
  readonly level: number
  readonly index: number
}

export interface TreeNode extends NodeId {
  readonly hash: Hash
}

/** Leaves from the first up to and without the second. */
export type Range = readonly [from: number, until: number]

/** Hash of a stored node; throws when it is not there. */
export type NodeReader = (id: NodeId) => Hash

export const nodeKey = ({ level, index }: NodeId): string => `${level}/${index}`

/** Reads among nodes that were fetched. */
export function nodesAmong(nodes: Iterable<TreeNode>): NodeReader {
  const found = new Map<string, Hash>()
  for (const node of nodes) found.set(nodeKey(node), node.hash)
  return (id) => {
    const hash = found.get(nodeKey(id))
    if (!hash) throw new Error(`the log has no node ${nodeKey(id)}`)
    return hash
  }
}

/**
 * The stored nodes that make up a range, left to right. The range begins where a subtree of at least its size may begin, as
 * every range of a proof does; there are at most log₂ of its size.
 */
export function nodesOfRange([from, until]: Range): NodeId[] {
  const nodes: NodeId[] = []
  for (let start = from; start < until; ) {
    const level = Math.floor(Math.log2(until - start))
    const size = 2 ** level
    nodes.push({ level, index: start / size })
    start += size
  }
  return nodes
}

/** Hash over a range: its nodes folded from the right, which is the Merkle tree hash of its leaves. */
export function hashOfRange(range: Range, read: NodeReader): Hash {
  const hashes = nodesOfRange(range).map(read)
  return hashes.length === 0 ? emptyRoot : hashes.reduceRight((right, left) => nodeHash(left, right))
}

/** Splits a range of at least two leaves at the largest power of two below its size (RFC 6962: k). */
export function splitOf([from, until]: Range): number {
  return from + 2 ** Math.floor(Math.log2(until - from - 1))
}

/** A tree that grows at its right edge, with no more in memory than its edge: at most 53 nodes. */
export interface GrowingTree {
  readonly size: number
  /** Appends a leaf; gives the nodes that are new and will never change: the leaf and what it completes. */
  append(leaf: Hash): readonly TreeNode[]
  root(): Hash
}

/** Goes on from a tree of `size` leaves whose stored nodes `read` gives. */
export function growTree(size: number, read: NodeReader): GrowingTree {
  const edge: TreeNode[] = nodesOfRange([0, size]).map((id) => ({ ...id, hash: read(id) }))
  let count = size
  return {
    get size() {
      return count
    },
    append: (leaf) => {
      let node: TreeNode = { level: 0, index: count, hash: leaf }
      const added = [node]
      while (edge.at(-1)?.level === node.level) {
        const left = edge.pop()!
        node = { level: node.level + 1, index: left.index / 2, hash: nodeHash(left.hash, node.hash) }
        added.push(node)
      }
      edge.push(node)
      count += 1
      return added
    },
    root: () =>
      edge.length === 0
        ? emptyRoot
        : edge.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right)),
  }
}
