import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { useTestDatabase } from '@plinth/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { readHoldsMigrations } from '../index.ts'
import { at } from './holds-fixture.ts'
import { lots } from './models/lots.ts'
import { follow, type Model, type Operation, type Outcome } from './models/model.ts'
import { units } from './models/units.ts'

const isLong = process.env.PLINTH_TEST_LONG === '1'
const settings = { numRuns: isLong ? 10_000 : 60, seed: 19 }
const timeout = 1_500_000

const test = useTestDatabase({
  migrations: [readHoldsMigrations()],
  seed: `${readFileSync(new URL('./act.sql', import.meta.url), 'utf8')}
    create function public.play(steps jsonb) returns jsonb language plpgsql as $$
    declare
      v_step jsonb;
      v_outcomes jsonb := '[]';
    begin
      for v_step in select value from jsonb_array_elements(steps) loop
        perform public.act(v_step -> 'op', (v_step ->> 'now')::timestamptz);
        v_outcomes := v_outcomes || (select jsonb_build_array(h.outcome) from public.history h order by h.seq desc limit 1);
      end loop;
      return v_outcomes;
    end $$;`,
})

interface Step {
  /** Minutes since the step before. */
  readonly later: number
  readonly op: Omit<Operation, 'kind'>
}

/** Plays steps in the database and in the model: every outcome has to be the same. */
async function compare<State>(model: Model<State>, state: State, kind: string, steps: readonly Step[]) {
  let now = 0
  const timed = steps.map(({ later, op }) => {
    now += later
    return { now, op: { ...op, kind, ...(op.until ? { until: now + op.until } : {}) } as Operation }
  })
  const sent = timed.map(({ now: minutes, op }) => ({
    now: at(minutes),
    op: { ...op, until: op.until ? at(op.until) : null },
  }))
  const { rows } = await test.database.asOwner<{ outcomes: string }>(
    sql`select public.play(${JSON.stringify(sent)}::jsonb)::text as outcomes`,
  )
  const outcomes = JSON.parse(rows[0]!.outcomes) as Outcome[]
  const said = timed.map(({ now: minutes, op }, index) => [index, minutes, op, outcomes[index]])
  let after = state
  const expected = timed.map(({ now: minutes, op }, index) => {
    const { outcome, state: next } = follow(model, after, op, minutes)
    after = next
    return [index, minutes, op, outcome]
  })
  expect(said).toEqual(expected)
  return { now, state: after }
}

const key = fc.constantFrom('a', 'b', 'c')
const later = fc.nat({ max: 5 })
const quantity = fc.integer({ min: 1, max: 9 })
const until = fc.integer({ min: 1, max: 12 })

describe('random histories equal the oracle', () => {
  it('credits: purchases, plans, charges, refunds, chargebacks, disputes won, expiry (AT-19)', {
    timeout,
  }, async () => {
    const lot = fc.constantFrom('included', 'bought', 'bonus')
    const thing = fc.constant('')
    const step = fc.record({
      later,
      op: fc.oneof(
        { weight: 4, arbitrary: fc.record({ do: fc.constant('place one'), thing, key, quantity, until }) },
        {
          weight: 3,
          arbitrary: fc.record({ do: fc.constantFrom('commit', 'release', 'return'), thing, key }),
        },
        {
          weight: 2,
          arbitrary: fc.record({ do: fc.constant('settle'), thing, key, quantity: fc.nat({ max: 12 }) }),
        },
        {
          weight: 3,
          arbitrary: fc.record({
            do: fc.constant('grant'),
            thing,
            key: lot,
            quantity: fc.nat({ max: 20 }),
            rank: fc.nat({ max: 1 }),
            until: fc.constantFrom(0, 5, 10, 20),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ do: fc.constant('revoke'), thing, key: lot, revoked: fc.boolean() }),
        },
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const [account, kind] = [randomUUID(), `credit ${randomUUID()}`]
        await test.database.asOwner(sql`select plinth.grant_lot(${kind}, ${account}, 'start', 10)`)
        const first = {
          key: 'start',
          granted: 10,
          ends: Number.POSITIVE_INFINITY,
          rank: 0,
          order: 0,
          revoked: false,
        }
        const state = { [account]: { lots: [first], charges: {} } }
        const placed = steps.map(({ later: minutes, op }) => ({
          later: minutes,
          op: { ...op, thing: account, keys: [op.key] },
        }))
        const { now, state: after } = await compare(lots, state, kind, placed)
        const { rows } = await test.database.asOwner<{ balance: string; never: boolean }>(sql`
          select plinth.balance(${kind}, ${account}, ${at(now)}) as balance,
            not exists (select from plinth.lots l where l.kind = ${kind} and l.taken < 0) as never`)
        const seen = lots.view(after, now) as Record<string, { balance: number }>
        expect([Number(rows[0]!.balance), rows[0]!.never]).toEqual([seen[account]!.balance, true])
      }),
      settings,
    )
  })

  it('waitlists: cancel, claim, decline, expiry, another capacity (AT-35)', { timeout }, async () => {
    const thing = fc.constant('')
    const step = fc.record({
      later,
      op: fc.oneof(
        {
          weight: 3,
          arbitrary: fc.record({
            do: fc.constant('place'),
            key,
            quantity: fc.integer({ min: 1, max: 2 }),
            until,
          }),
        },
        {
          weight: 4,
          arbitrary: fc.record({
            do: fc.constant('join'),
            thing,
            key,
            quantity: fc.integer({ min: 1, max: 3 }),
          }),
        },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('accept'), thing, key, until }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('commit', 'release'), key }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('leave'), thing, key }) },
        {
          weight: 2,
          arbitrary: fc.record({
            do: fc.constant('return units'),
            thing,
            quantity: fc.integer({ min: 1, max: 2 }),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ do: fc.constant('limit'), thing, quantity: fc.nat({ max: 5 }) }),
        },
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const [show, kind] = [randomUUID(), `seat ${randomUUID()}`]
        await test.database.asOwner(sql`select plinth.set_limit(${kind}, ${show}, 2)`)
        await test.database.asOwner(
          sql`select plinth.set_waitlist(${kind}, ${show}, '6 min', ${at(60)}, ${at(0)})`,
        )
        const pool = { isQuota: true, onHand: 2, used: 0, holds: {}, line: [], offerFor: 6, closes: 60 }
        const state = { [show]: pool }
        const placed = steps.map(({ later: minutes, op }) => {
          const { quantity: units, ...rest } = op as { quantity?: number; key?: string; do: string }
          const claims = [{ thing: show, quantity: units ?? 1 }]
          return {
            later: minutes,
            op: { ...rest, quantity: units ?? 0, thing: show, keys: [rest.key ?? ''], claims },
          }
        })
        // Nobody comes by before the line moves up: what is due in one minute is due for all.
        const { now } = await compare(units, state, kind, placed)
        await test.database.asOwner(sql`select plinth.move_up_waitlists(${at(now + 100)})`)
        const { rows } = await test.database.asOwner<{ open: string; zombies: string }>(sql`
          select (select count(*) from plinth.waiters w where w.kind = ${kind} and w.state in ('waiting', 'offered')) as open,
            (select sum(queue) from plinth.pools p where p.kind = ${kind}) as zombies`)
        expect(rows, 'nobody waits after the event has begun').toEqual([{ open: '0', zombies: '0' }])
      }),
      settings,
    )
  })
})
