import type { ProjectDatabase, Transaction } from '../database/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import { auditLog, type LogFinding } from './audit-log.ts'
import { merkleLogErrors } from './errors.ts'
import { type LogIdentity, openHead, type SignedHead, signHead } from './heads/checkpoint.ts'
import { createHeadCopies } from './heads/head-copies.ts'
import {
  type Ask,
  findLog,
  type LogRow,
  lockLog,
  readLeaves,
  readRanges,
  writeHead,
  writeNodes,
} from './store.ts'
import type { Hash } from './tree/hashing.ts'
import { type GrowingTree, growTree, hashOfRange, type Range, type TreeNode } from './tree/nodes.ts'
import { consistencyRanges, inclusionRanges, verifyConsistency, verifyInclusion } from './tree/proofs.ts'

/** What is appended: hashes of leaves, and whatever the caller wants back. */
export interface Appendix<T> {
  readonly leaves: readonly Hash[]
  readonly result: T
}

/** That a leaf is in the tree of a signed head. */
export interface LeafProof {
  readonly index: number
  readonly head: SignedHead
  /** From the leaf upwards. */
  readonly path: readonly Hash[]
}

/** That one head's tree is the beginning of another's. */
export interface GrowthProof {
  readonly former: number
  readonly head: SignedHead
  readonly path: readonly Hash[]
}

/**
 * An append-only log of hashes (RFC 6962) in a project's database, with heads that are signed by a key that is not there.
 * Appending and proving cost as many nodes as the logarithm of its size.
 */
export interface MerkleLog {
  readonly identity: LogIdentity
  /**
   * Appends in one transaction of the owner, with whatever else `work` writes in it; `first` is the index of its first leaf.
   * Other appends wait. Fails with `log_altered` when the log is not what its last signed head says, or not what was copied
   * outside the database; a log that is shorter than its copy gets the missing leaves back first.
   */
  append<T>(
    work: (transaction: Transaction, first: number) => Promise<Appendix<T>>,
  ): Promise<{ readonly result: T; readonly head: SignedHead | undefined }>
  /** The last signed head; undefined while the log is empty. Fails with `log_altered` when its signature does not hold. */
  head(): Promise<SignedHead | undefined>
  /** Proves leaves in the tree of a head that this log gave, else of the last one. Fails with `no_such_leaf`, or with `log_altered` when a proof does not hold. */
  proveLeaves(indexes: readonly number[], head?: SignedHead): Promise<readonly LeafProof[]>
  /** Proves that such a tree begins with the first `former` leaves. Fails like {@link proveLeaves}. */
  proveGrowth(former: number, head?: SignedHead): Promise<GrowthProof>
  /** Hashes of leaves, at most 1,000. */
  leaves(range: Range): Promise<readonly Hash[]>
  /** Recomputes every node and compares it, every head, and what was copied. Gives what differs, at most 100. */
  audit(): Promise<readonly LogFinding[]>
  /** Copies the last head outside the database, if it is not there yet: the process ended between. */
  catchUp(): Promise<void>
  /** What is wrong with the copy outside the database, or undefined. */
  copyProblem(): string | undefined
}

export interface LogOptions {
  readonly name: string
  readonly identity: LogIdentity
  readonly database: ProjectDatabase
  readonly folder: string
  readonly copyFolder?: string | undefined
  readonly clock: Clock
  readonly log: Log
}

const mostLeaves = 1_000

export function createMerkleLog(options: LogOptions): MerkleLog {
  const { name, identity, database, clock, log } = options
  const copies = createHeadCopies({ ...options, verifier: identity.verifier })
  const ask: Ask = (statement) => database.asOwner(statement)
  /** Who appends in this process waits here, and not with a connection in hand. */
  let turn: Promise<unknown> = Promise.resolve()
  const altered = (problem: string) => merkleLogErrors.log_altered({ log: name, problem })

  const keepCopy = (head: SignedHead, id: number) => copies.keep(head, (range) => readLeaves(ask, id, range))

  /** The head that the log has to have, with its signature. */
  function headOf(row: Awaited<ReturnType<typeof findLog>>): SignedHead | undefined {
    if (!row || (row.size === 0 && !row.head)) return undefined
    const head = row.head && openHead(row.head.note, identity.verifier)
    if (!head || head.size !== row.size || head.size !== row.head?.size)
      throw altered(`its ${row.size} leaves have no signed head`)
    return head
  }

  /** The tree as it stands, after it was compared with its signed head and with the copy. */
  async function openTree(transaction: Transaction, row: LogRow): Promise<GrowingTree> {
    const head = headOf(await findLog(transaction.query, name))
    const copied = await copies.last()
    const ranges: Range[] = [[0, row.size]]
    if (copied && copied.size < row.size) ranges.push([0, copied.size])
    const read = await readRanges(transaction.query, row.id, ranges)
    const tree = guard(() => growTree(row.size, read))
    if (head && !tree.root().equals(head.root)) throw altered('its nodes are not those of its signed head')
    if (!copied || copied.size > row.size) return tree
    const root = copied.size === row.size ? tree.root() : guard(() => hashOfRange([0, copied.size], read))
    if (!root.equals(copied.root))
      throw altered(`its first ${copied.size} leaves are not those that were copied`)
    return tree
  }

  /** What a missing node means. */
  function guard<T>(read: () => T): T {
    try {
      return read()
    } catch (cause) {
      throw merkleLogErrors.log_altered({ log: name, problem: 'nodes are missing' }, cause)
    }
  }

  async function write(transaction: Transaction, id: number, tree: GrowingTree, leaves: readonly Hash[]) {
    const nodes: TreeNode[] = leaves.flatMap((leaf) => [...tree.append(leaf)])
    const head = signHead({ size: tree.size, root: tree.root() }, identity)
    await writeNodes(transaction.query, id, nodes, tree.size)
    await writeHead(transaction.query, id, head, clock.now())
    return head
  }

  /** An older database was put in this one's place: the leaves that it lacks come from the copy, and lead to the same head. */
  async function recover(transaction: Transaction, row: LogRow, tree: GrowingTree): Promise<void> {
    const copied = await copies.last()
    if (!copied || copied.size <= row.size) return
    const leaves = await copies.leaves([row.size, copied.size])
    const head = await write(transaction, row.id, tree, leaves)
    if (head.note !== copied.note)
      throw altered('it is shorter than its copy, and the copy does not continue it')
    log.warn({ log: name, from: row.size, until: copied.size }, 'leaves came back from the copy of the log')
  }

  async function appendNow<T>(work: (transaction: Transaction, first: number) => Promise<Appendix<T>>) {
    const { result, head, id } = await database.transactionAsOwner(async (transaction) => {
      const row = await lockLog(transaction.query, name)
      const tree = await openTree(transaction, row)
      await recover(transaction, row, tree)
      const { leaves, result } = await work(transaction, tree.size)
      const head = leaves.length === 0 ? undefined : await write(transaction, row.id, tree, leaves)
      return { result, head, id: row.id }
    })
    if (head) await keepCopy(head, id)
    return { result, head }
  }

  const prove = async <T>(
    given: SignedHead | undefined,
    work: (head: SignedHead, id: number) => Promise<T>,
  ): Promise<T> => {
    const row = await findLog(ask, name)
    const head = given ?? headOf(row)
    if (!row || !head) throw merkleLogErrors.no_such_leaf({ index: 0, size: 0 })
    return work(head, row.id)
  }

  return {
    identity,
    append: (work) => {
      const done = turn.then(() => appendNow(work))
      turn = done.catch(() => undefined)
      return done
    },
    head: async () => headOf(await findLog(ask, name)),
    proveLeaves: (indexes, given) =>
      prove(given, async (head, id) => {
        const bad = indexes.find((index) => !Number.isSafeInteger(index) || index < 0 || index >= head.size)
        if (bad !== undefined) throw merkleLogErrors.no_such_leaf({ index: bad, size: head.size })
        const paths = indexes.map((index) => inclusionRanges(index, head.size))
        const leaves: Range[] = indexes.map((index) => [index, index + 1])
        const read = await readRanges(ask, id, [...paths.flat(), ...leaves])
        return indexes.map((index, at) => {
          const path = paths[at]!.map((range) => guard(() => hashOfRange(range, read)))
          const leaf = guard(() => read({ level: 0, index }))
          if (!verifyInclusion({ leaf, index, size: head.size, root: head.root, path }))
            throw altered(`leaf ${index} is not in its signed head`)
          return { index, head, path }
        })
      }),
    proveGrowth: (former, given) =>
      prove(given, async (head, id) => {
        if (!Number.isSafeInteger(former) || former < 0 || former > head.size)
          throw merkleLogErrors.no_such_leaf({ index: former, size: head.size })
        const ranges = consistencyRanges(former, head.size)
        const read = await readRanges(ask, id, [...ranges, [0, former]])
        const path = ranges.map((range) => guard(() => hashOfRange(range, read)))
        const root = guard(() => hashOfRange([0, former], read))
        if (!verifyConsistency({ former: { size: former, root }, later: head, path }))
          throw altered(`its signed head does not continue its first ${former} leaves`)
        return { former, head, path }
      }),
    leaves: async ([from, until]) => {
      const row = await findLog(ask, name)
      return row ? readLeaves(ask, row.id, [from, Math.min(until, from + mostLeaves)]) : []
    },
    audit: async () => {
      // The copy first: what is appended meanwhile is in the log only.
      const copied = await copies.last()
      return auditLog({ ask, row: await findLog(ask, name), verifier: identity.verifier, copied })
    },
    catchUp: async () => {
      const row = await findLog(ask, name)
      const head = headOf(row)
      if (row && head) await keepCopy(head, row.id)
    },
    copyProblem: () => copies.problem(),
  }
}
