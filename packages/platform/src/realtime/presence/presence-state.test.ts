import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPresenceTable, type PresenceDiff, type PresenceState } from './presence-state.ts'

const refsOf = (state: PresenceState) =>
  Object.values(state)
    .flatMap(({ metas }) => metas.map(({ phx_ref }) => String(phx_ref)))
    .sort()

/** What a client does with a difference. */
function applyDiff(known: Set<string>, { joins, leaves }: PresenceDiff): void {
  for (const ref of refsOf(joins)) known.add(ref)
  for (const ref of refsOf(leaves)) known.delete(ref)
}

describe('presence', () => {
  it('tells joins and leaves in the form that Phoenix clients take', () => {
    const table = createPresenceTable()
    table.put('a', { ref: '1', key: 'ada', meta: { mood: 'fine' } })
    expect(table.takeDiff()).toEqual({
      joins: { ada: { metas: [{ mood: 'fine', phx_ref: '1' }] } },
      leaves: {},
    })
    table.remove('a', '1')
    table.put('a', { ref: '2', key: 'ada', meta: {}, previousRef: '1' })
    expect(table.takeDiff()).toEqual({
      joins: { ada: { metas: [{ phx_ref: '2', phx_ref_prev: '1' }] } },
      leaves: { ada: { metas: [{ mood: 'fine', phx_ref: '1' }] } },
    })
    expect(table.takeDiff()).toBeUndefined()
  })

  it('says nothing of who came and went in between, and takes odd keys', () => {
    const table = createPresenceTable()
    table.put('a', { ref: '1', key: '__proto__', meta: {} })
    expect(Object.keys(table.state())).toEqual(['__proto__'])
    table.remove('a', '1')
    expect(table.takeDiff()).toBeUndefined()
    expect(table.isEmpty()).toBe(true)
  })

  it('merges nodes: differences always lead to the state, whatever is repeated, replaced or forgotten', () => {
    const node = fc.constantFrom('a', 'b', 'c')
    const ref = fc.integer({ min: 0, max: 9 }).map(String)
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), node, ref }),
      fc.record({ kind: fc.constant('remove' as const), node, ref }),
      fc.record({ kind: fc.constant('replace' as const), node, refs: fc.uniqueArray(ref) }),
      fc.record({ kind: fc.constant('tell' as const) }),
    )
    const check = (steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]) => {
      const table = createPresenceTable()
      const client = new Set<string>()
      const model = new Map<string, Set<string>>()
      const presence = (of: string, name: string) => ({ ref: `${of}${name}`, key: `k${name}`, meta: {} })
      for (const each of steps) {
        if (each.kind === 'tell') {
          const diff = table.takeDiff()
          if (diff) applyDiff(client, diff)
          continue
        }
        const there = model.get(each.node) ?? new Set<string>()
        model.set(each.node, there)
        if (each.kind === 'put') {
          table.put(each.node, presence(each.node, each.ref))
          there.add(`${each.node}${each.ref}`)
        } else if (each.kind === 'remove') {
          table.remove(each.node, `${each.node}${each.ref}`)
          there.delete(`${each.node}${each.ref}`)
        } else {
          table.replace(
            each.node,
            each.refs.map((name) => presence(each.node, name)),
          )
          model.set(each.node, new Set(each.refs.map((name) => `${each.node}${name}`)))
        }
      }
      const diff = table.takeDiff()
      if (diff) applyDiff(client, diff)
      const all = [...model.values()].flatMap((refs) => [...refs]).sort()
      expect(refsOf(table.state())).toEqual(all)
      expect([...client].sort()).toEqual(all)
    }
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), check), { seed: 11, numRuns: 300 })
  })
})
