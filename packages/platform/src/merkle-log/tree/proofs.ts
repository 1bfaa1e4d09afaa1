import { type Hash, nodeHash } from './hashing.ts'
import { type Range, splitOf } from './nodes.ts'

/**
 * The ranges whose hashes prove that the leaf `index` is in the tree of `size` leaves, from the leaf upwards: the audit path
 * of RFC 6962, 2.1.1. At most ⌈log₂ size⌉.
 */
export function inclusionRanges(index: number, size: number): Range[] {
  requireWhole(index, size)
  if (index >= size) throw new RangeError(`there is no leaf ${index} in a tree of ${size}`)
  const ranges: Range[] = []
  for (let range: Range = [0, size]; range[1] - range[0] > 1; ) {
    const middle = splitOf(range)
    const [left, right]: [Range, Range] = [
      [range[0], middle],
      [middle, range[1]],
    ]
    const isLeft = index < middle
    ranges.unshift(isLeft ? right : left)
    range = isLeft ? left : right
  }
  return ranges
}

/**
 * The ranges whose hashes prove that the tree of `size` leaves begins with the tree of `former`: RFC 6962, 2.1.2. Empty when
 * both are the same, or the former is empty.
 */
export function consistencyRanges(former: number, size: number): Range[] {
  requireWhole(former, size)
  if (former > size) throw new RangeError(`a tree of ${size} leaves does not begin with one of ${former}`)
  if (former === 0 || former === size) return []
  const ranges: Range[] = []
  let range: Range = [0, size]
  // True while the former tree's own root is the hash of the range's beginning, which a verifier has already.
  let isRoot = true
  while (former !== range[1]) {
    const middle = splitOf(range)
    const [left, right]: [Range, Range] = [
      [range[0], middle],
      [middle, range[1]],
    ]
    const isLeft = former <= middle
    ranges.unshift(isLeft ? right : left)
    if (!isLeft) isRoot = false
    range = isLeft ? left : right
  }
  return isRoot ? ranges : [range, ...ranges]
}

export interface InclusionProof {
  readonly leaf: Hash
  readonly index: number
  readonly size: number
  readonly root: Hash
  readonly path: readonly Hash[]
}

/** Whether the path leads from the leaf to the root (RFC 9162, 2.1.3.2, which is also right for RFC 6962). */
export function verifyInclusion({ leaf, index, size, root, path }: InclusionProof): boolean {
  if (!isWhole(index) || !isWhole(size) || index >= size) return false
  let [fn, sn] = [index, size - 1]
  let hash = leaf
  for (const step of path) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(step, hash)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else hash = nodeHash(hash, step)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 && hash.equals(root)
}

export interface ConsistencyProof {
  readonly former: { readonly size: number; readonly root: Hash }
  readonly later: { readonly size: number; readonly root: Hash }
  readonly path: readonly Hash[]
}

/** Whether the later tree begins with the former one (RFC 9162, 2.1.4.2). Every tree begins with the empty one. */
export function verifyConsistency({ former, later, path }: ConsistencyProof): boolean {
  if (!isWhole(former.size) || !isWhole(later.size) || former.size > later.size) return false
  if (former.size === 0) return path.length === 0
  if (former.size === later.size) return path.length === 0 && former.root.equals(later.root)
  const isPower = Number.isInteger(Math.log2(former.size))
  const [first, ...steps] = isPower ? [former.root, ...path] : path
  if (!first) return false
  let [fn, sn] = [former.size - 1, later.size - 1]
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)]
  let [formerHash, laterHash] = [first, first]
  for (const step of steps) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      formerHash = nodeHash(step, formerHash)
      laterHash = nodeHash(step, laterHash)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else laterHash = nodeHash(laterHash, step)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 && formerHash.equals(former.root) && laterHash.equals(later.root)
}

/** Sizes may be above 2³¹, where shifts of JavaScript end. */
const half = (value: number): number => Math.floor(value / 2)

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

function requireWhole(...values: readonly number[]): void {
  for (const value of values) if (!isWhole(value)) throw new RangeError(`${value} is no size of a tree`)
}
