import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyRoot, type Hash, leafHash, nodeHash } from './hashing.ts'
import { growTree, hashOfRange, type NodeReader, nodesAmong, type Range, type TreeNode } from './nodes.ts'
import { consistencyRanges, inclusionRanges, verifyConsistency, verifyInclusion } from './proofs.ts'

/** Leaves and roots of google/certificate-transparency, the implementation of RFC 6962 by its authors (`merkle_tree_test`). */
const referenceLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'))
const referenceRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

/** Definition of RFC 6962, 2.1, word by word, over leaf hashes. */
function definedHash(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return emptyRoot
  if (leaves.length === 1) return leaves[0]!
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(definedHash(leaves.slice(0, k)), definedHash(leaves.slice(k)))
}

/** PATH(m, D[n]) of RFC 6962, 2.1.1. */
function definedPath(m: number, leaves: readonly Hash[]): Hash[] {
  if (leaves.length <= 1) return []
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return m < k
    ? [...definedPath(m, leaves.slice(0, k)), definedHash(leaves.slice(k))]
    : [...definedPath(m - k, leaves.slice(k)), definedHash(leaves.slice(0, k))]
}

/** SUBPROOF(m, D[n], b) of RFC 6962, 2.1.2. */
function definedProof(m: number, leaves: readonly Hash[], b = true): Hash[] {
  if (m === leaves.length) return b ? [] : [definedHash(leaves)]
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return m <= k
    ? [...definedProof(m, leaves.slice(0, k), b), definedHash(leaves.slice(k))]
    : [...definedProof(m - k, leaves.slice(k), false), definedHash(leaves.slice(0, k))]
}

/** A log as it is stored: what the growing tree gave. */
function grow(leaves: readonly Hash[]): {
  readonly read: NodeReader
  readonly root: Hash
  readonly nodes: TreeNode[]
} {
  const tree = growTree(0, nodesAmong([]))
  const nodes = leaves.flatMap((leaf) => [...tree.append(leaf)])
  return { read: nodesAmong(nodes), root: tree.root(), nodes }
}

const hashesOf = (ranges: readonly Range[], read: NodeReader) =>
  ranges.map((range) => hashOfRange(range, read))
const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, at) => leafHash(Buffer.from(`leaf ${at}`)))
const hex = (hashes: readonly Hash[]) => hashes.map((hash) => hash.toString('hex'))

describe('RFC 6962', () => {
  it('gives the roots of the reference implementation', () => {
    const roots = referenceRoots.map((_, size) => grow(referenceLeaves.slice(0, size).map(leafHash)).root)
    expect(hex(roots)).toEqual(referenceRoots)
  })

  it('gives the proofs that section 2.1.3 names for seven leaves', () => {
    const { read } = grow(leavesOf(7))
    const [a, b, c, d, e, f, j] = leavesOf(7) as [Hash, Hash, Hash, Hash, Hash, Hash, Hash]
    const [g, h, i] = [nodeHash(a, b), nodeHash(c, d), nodeHash(e, f)]
    const [k, l] = [nodeHash(g, h), nodeHash(i, j)]
    const path = (index: number) => hashesOf(inclusionRanges(index, 7), read)
    expect([path(0), path(3), path(4), path(6)]).toEqual([
      [b, h, l],
      [c, g, l],
      [f, j, k],
      [i, k],
    ])
    const proof = (former: number) => hashesOf(consistencyRanges(former, 7), read)
    expect([proof(3), proof(4), proof(6)]).toEqual([[c, d, g, l], [l], [i, j, k]])
  })

  it('follows its recursive definitions for every tree of up to 40 leaves', () => {
    const all = leavesOf(40)
    const { read } = grow(all)
    for (let size = 1; size <= all.length; size += 1) {
      const leaves = all.slice(0, size)
      expect(hashOfRange([0, size], read)).toEqual(definedHash(leaves))
      for (let at = 0; at < size; at += 1)
        expect(hashesOf(inclusionRanges(at, size), read)).toEqual(definedPath(at, leaves))
      for (let former = 1; former <= size; former += 1)
        expect(hashesOf(consistencyRanges(former, size), read)).toEqual(definedProof(former, leaves))
    }
  })
})

describe('proofs', () => {
  const runs = process.env['PLINTH_TEST_LONG'] ? 5_000 : 150
  const sizes = fc.integer({ min: 1, max: 300 })
  const all = leavesOf(300)
  const { read } = grow(all)
  const rootOf = (size: number) => hashOfRange([0, size], read)

  it('hold for what they say, and for no other leaf, place, size, root or path', () => {
    const property = fc.property(sizes, fc.nat(), fc.nat(), (size, atSeed, other) => {
      const index = atSeed % size
      const path = hashesOf(inclusionRanges(index, size), read)
      const proof = { leaf: all[index]!, index, size, root: rootOf(size), path }
      expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)))
      expect(verifyInclusion(proof)).toBe(true)
      const strange = leafHash(Buffer.from(`strange ${other}`))
      const forged = [
        { ...proof, leaf: strange },
        { ...proof, root: strange },
        { ...proof, index: size },
        { ...proof, index: -1 },
        { ...proof, path: [...path, strange] },
        ...(size > 1
          ? [
              { ...proof, index: (index + 1) % size },
              { ...proof, path: path.slice(1) },
            ]
          : []),
        ...(path.length > 1 && !path[0]!.equals(path[1]!) ? [{ ...proof, path: path.toReversed() }] : []),
      ]
      expect(forged.filter(verifyInclusion)).toEqual([])
    })
    fc.assert(property, { seed: 18, numRuns: runs })
  })

  it('of consistency hold for a beginning, and for nothing that was cut off, rewritten or put into another order', () => {
    const property = fc.property(sizes, fc.nat(), fc.nat(), (size, formerSeed, atSeed) => {
      const former = 1 + (formerSeed % size)
      const path = hashesOf(consistencyRanges(former, size), read)
      const proof = {
        former: { size: former, root: rootOf(former) },
        later: { size, root: rootOf(size) },
        path,
      }
      expect(verifyConsistency(proof)).toBe(true)
      if (former === size) return
      expect(verifyConsistency({ ...proof, former: proof.later, later: proof.former })).toBe(false)
      expect(verifyConsistency({ ...proof, path: path.slice(1) })).toBe(false)
      expect(verifyConsistency({ ...proof, path: [...path, path[0]!] })).toBe(false)
      // Somebody rewrites a leaf of the former tree, or exchanges two, and makes the best proof that the new tree has.
      const altered = [...all.slice(0, size)]
      const at = atSeed % former
      altered[at] = leafHash(Buffer.from('altered'))
      const exchanged = [...all.slice(0, size)]
      ;[exchanged[at], exchanged[size - 1]] = [exchanged[size - 1]!, exchanged[at]!]
      for (const leaves of [altered, exchanged]) {
        const other = grow(leaves)
        const forged = {
          former: proof.former,
          later: { size, root: other.root },
          path: hashesOf(consistencyRanges(former, size), other.read),
        }
        expect(verifyConsistency(forged)).toBe(false)
      }
    })
    fc.assert(property, { seed: 18, numRuns: runs })
  })

  it('of trees beyond 2³¹ leaves have as many steps as their height', () => {
    expect(inclusionRanges(2 ** 40, 2 ** 40 + 5)).toHaveLength(4)
    expect(inclusionRanges(3, 2 ** 40 + 5)).toHaveLength(41)
    expect(consistencyRanges(2 ** 33, 2 ** 40)).toHaveLength(7)
  })

  it('of leaves that are not there, and of sizes that are none, are refused', () => {
    expect(() => inclusionRanges(5, 5)).toThrow('there is no leaf 5')
    expect(() => inclusionRanges(0.5, 5)).toThrow('no size')
    expect(() => consistencyRanges(6, 5)).toThrow('does not begin')
    expect(
      verifyConsistency({
        former: { size: 0, root: emptyRoot },
        later: { size: 3, root: rootOf(3) },
        path: [],
      }),
    ).toBe(true)
  })
})

describe('a growing tree', () => {
  it('goes on from what was stored, and gives two nodes a leaf', () => {
    const first = grow(leavesOf(1000))
    expect(first.nodes.length).toBeLessThan(2_000)
    const tree = growTree(700, first.read)
    const later = leavesOf(1000)
      .slice(700)
      .flatMap((leaf) => [...tree.append(leaf)])
    expect([tree.size, hex([tree.root()])]).toEqual([1000, hex([first.root])])
    expect(later).toEqual(first.nodes.slice(-later.length))
  })
})
