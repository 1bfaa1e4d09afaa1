import { expect, it } from 'vitest'
import { createQuota } from '../../limits/quota.ts'
import { limitsSchema } from '../../limits/realtime-limits.ts'
import type { ServerMessage } from '../../protocol/server-message.ts'
import type { WatchAudience } from '../audience.ts'
import { createRecentChanges } from '../recent-changes.ts'
import type { StreamChunk } from '../stream-transaction.ts'
import { createCopies } from './keep-copies.ts'
import { createToldKeys } from './told-keys.ts'
import { createWatchMember } from './watch-members.ts'

const id = { name: 'id', type: 'int4', base: 23, element: 0 }
const table = { oid: 1, schema: 'public', table: 'things', published: true, fullImages: true, columns: [id] }
const caller = { role: 'service_role', claims: {} }

/** A transaction that deletes or makes a row. */
function chunkOf(sequence: number, key: number, verb: 'delete' | 'insert'): StreamChunk {
  const row = { id: String(key) }
  const [before, after] = verb === 'delete' ? [row, null] : [null, row]
  return {
    transaction: { sequence, position: `0/${sequence}`, xid: sequence, committedAt: '' },
    isTorn: false,
    isLast: true,
    changes: [{ relation: { oid: 1, schema: 'public', table: 'things' }, operation: verb, before, after }],
    truncated: [],
    messages: [],
    bytes: 100,
  } as unknown as StreamChunk
}

/** Live copies of a table, whose policies the test lets answer when it wants. */
function openCopies() {
  const answers: (() => void)[] = []
  const recent = createRecentChanges(300)
  const copies = createCopies({
    context: {
      catalogue: {
        recall: () =>
          new Promise((resolve) => {
            answers.push(() => resolve(new Map([[1, table]])))
          }),
        holds: () => Promise.resolve(true),
      },
      policies: { prepare: () => Promise.resolve({ kind: 'all' }) },
    } as never,
    runner: {} as never,
    recent,
    limits: limitsSchema.parse({}),
    rows: createQuota(),
    reached: () => 0,
    doubt: () => undefined,
  })
  const audience = {
    kind: 'watch',
    topic: 'realtime:things',
    copy: 'copy',
    session: { caller, key: 'service' },
    payer: 'test',
    members: new Set(),
    view: { table, key: [id], columns: [id], filter: null },
    keys: createToldKeys('epoch', ['{"id":1}', '{"id":2}']),
    startedAt: 0,
    pending: null,
    ready: Promise.resolve(),
    touched: null,
    counted: 0,
  } as unknown as WatchAudience
  const take = (chunk: StreamChunk) => {
    recent.add(chunk)
    const [change] = chunk.changes
    const key = (image: object | null) => image && `{"id":${(image as { id: string }).id}}`
    const after = key(change!.after)
    copies.deliver(audience, {
      transaction: chunk.transaction,
      outcomes: [{ before: key(change!.before), after: after === null ? null : { key: after, row: after } }],
    })
  }
  return { recent, copies, audience, take, answers }
}

it('who comes back is told of a row that was deleted, however much happens before its policies have answered', async () => {
  const { recent, copies, audience, take, answers } = openCopies()
  const deletion = chunkOf(1, 1, 'delete')
  take(deletion)
  const frames: string[] = []
  const listener = { send: (message: ServerMessage) => frames.push(String(message.frame('1.0.0'))) }
  const member = createWatchMember(listener as never, 1)
  audience.members.add(member)
  const missed = {
    epoch: 'epoch',
    transactions: [{ ...deletion.transaction, changes: deletion.changes, truncated: [] }],
    position: '0/1',
    release: audience.keys.pin(1),
  }
  const begun = copies.begin(audience, member, missed)
  // So much is written meanwhile that the deletion is no longer among the last changes.
  for (let sequence = 2; sequence < 12; sequence += 1) take(chunkOf(sequence, sequence + 100, 'insert'))
  expect(recent.firstSequence()).toBeGreaterThan(1)
  await expect.poll(() => answers.length).toBe(1)
  answers[0]!()
  await begun
  // Otherwise the row would stay in the copy for ever, or come again as a change that takes it back in time.
  expect(frames.join('')).toContain('{"remove":{"id":1}}')
  expect(frames.join('')).toContain('{"id":102}')
})
