import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import { follow, type Model, type Operation, type Outcome } from './models/model.ts'

const noon = Date.parse('2026-01-15T12:00:00Z')
const instant = (minutes: number) => new Date(noon + minutes * 60_000).toISOString()

export interface HistoryOptions<State> {
  readonly model: Model<State>
  readonly state: State
  /** The address at which clients of the owner connect. */
  readonly url: string
  readonly random: (below: number) => number
  readonly rounds: number
  /** Clients that act at the same time. */
  readonly clients: number
  readonly operationsEach: number
  /** An operation of one client, which is alone in using its keys. */
  draw(client: number, random: (below: number) => number, now: number): Operation
  /** The database as {@link Model.view} has it. */
  view(client: pg.Client, now: number): Promise<unknown>
}

export interface HistoryReport {
  readonly performed: number
  readonly crashes: number
  readonly outcomes: ReadonlyMap<string, number>
}

interface Entry {
  readonly seq: string
  readonly op: Operation
  readonly outcome: Outcome
}

/**
 * Lets clients act at once, kills some of their sessions at any point, and replays what was committed through the model in the
 * order of the pools' locks: each outcome and the state after each round have to be the model's. The clock stands still within a
 * round, so that what has expired does not depend on the order.
 */
export async function runHistory<State>(options: HistoryOptions<State>): Promise<HistoryReport> {
  const { model, random, url, draw } = options
  const outcomes = new Map<string, number>()
  const observer = await connect(url)
  const killer = new pg.Pool({ connectionString: url, max: 2 })
  const clients = await Promise.all(Array.from({ length: options.clients }, () => openClient(url)))
  let { state } = options
  let [performed, crashes] = [0, 0]
  let seen = (await readHistory(observer, '0')).at(-1)?.seq ?? '0'
  try {
    for (let round = 0; round < options.rounds; round += 1) {
      const now = round * 4
      const plans = clients.map((_, client) =>
        Array.from({ length: options.operationsEach }, () => ({
          operation: draw(client, random, now),
          crash: random(10) === 0 ? (random(2) === 0 ? 'before commit' : 'any time') : null,
          delay: random(4),
        })),
      )
      const crashed = await Promise.all(
        clients.map((client, index) => client.perform(plans[index]!, now, killer)),
      )
      crashes += crashed.reduce((sum, count) => sum + count, 0)
      const entries = await readHistory(observer, seen)
      seen = entries.at(-1)?.seq ?? seen
      performed += entries.length
      for (const { op, outcome } of entries) {
        const name = `${op.do}: ${typeof outcome === 'object' ? outcome.length : outcome}`
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
      }
      state = replay(model, state, entries, now)
      expect(await options.view(observer, now)).toEqual(model.view(state, now))
    }
  } finally {
    await Promise.all([observer.end(), killer.end(), ...clients.map((client) => client.close())])
  }
  return { performed, crashes, outcomes }
}

const hasNoEffect = (outcome: Outcome) =>
  outcome === 0 ||
  (typeof outcome === 'object' && outcome.length === 0) ||
  (typeof outcome === 'string' && /^(short|gone|none|error: .*)$/.test(outcome))

/**
 * What finds nothing to do takes no lock, so its place in the order is not known: it has to be right somewhere between the
 * beginning of its round and its own number.
 */
function replay<State>(model: Model<State>, first: State, entries: readonly Entry[], now: number): State {
  const states = [first]
  for (const { seq, op, outcome } of entries) {
    const { outcome: expected, state: next } = follow(model, states.at(-1)!, op, now)
    if (JSON.stringify(expected) === JSON.stringify(outcome)) {
      states.push(next)
      continue
    }
    const isExplained =
      hasNoEffect(outcome) &&
      states.some(
        (state) => JSON.stringify(follow(model, state, op, now).outcome) === JSON.stringify(outcome),
      )
    if (!isExplained)
      expect({ seq, op, outcome }, 'no order of locks explains it').toEqual({ seq, op, outcome: expected })
  }
  return states.at(-1)!
}

async function readHistory(client: pg.Client, after: string): Promise<readonly Entry[]> {
  const { rows } = await client.query<{ seq: string; op: string; outcome: string }>(
    'select seq::text, op::text, outcome::text from public.history where seq > $1 order by history.seq',
    [after],
  )
  return rows.map(({ seq, op, outcome }) => ({
    seq,
    op: minutesOf(JSON.parse(op) as Operation),
    outcome: JSON.parse(outcome) as Outcome,
  }))
}

interface Planned {
  readonly operation: Operation
  readonly crash: string | null
  /** Milliseconds until the session is killed. */
  readonly delay: number
}

async function openClient(url: string) {
  let client = await connect(url)
  const attempt = async ({ operation, crash, delay }: Planned, now: number, killer: pg.Pool) => {
    const pid = (client as unknown as { processID: number }).processID
    const kill =
      crash === 'any time'
        ? sleep(delay).then(() => killer.query('select pg_terminate_backend($1)', [pid]))
        : null
    try {
      await client.query('begin')
      await client.query('select public.act($1, $2)', [JSON.stringify(timesOf(operation)), instant(now)])
      if (crash === 'before commit') await client.query('select pg_terminate_backend(pg_backend_pid())')
      await client.query('commit')
      return false
    } catch (error) {
      if (!isLost(error)) throw error
      return true
    } finally {
      await kill
    }
  }
  return {
    /** Gives how often the session was killed. */
    perform: async (plan: readonly Planned[], now: number, killer: pg.Pool) => {
      let crashes = 0
      for (const planned of plan) {
        const isKilled = await attempt(planned, now, killer)
        if (isKilled) crashes += 1
        if (planned.crash === null) continue
        // A kill may also arrive after the commit.
        await client.end().catch(() => undefined)
        client = await connect(url)
      }
      return crashes
    },
    close: () => client.end(),
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

const isLost = (error: unknown) =>
  (error as { code?: string }).code === '57P01' || /Connection terminated|not queryable/.test(String(error))

/** Minutes as PostgreSQL reads them. */
function timesOf({ until, claims, ...rest }: Operation) {
  return {
    ...rest,
    ...(until === undefined ? {} : { until: until === 0 ? null : instant(until) }),
    minutes: until,
    ...(claims && {
      claims: claims.map(({ during, ...claim }) => ({
        ...claim,
        ...(during && { during: `[${instant(during[0])},${instant(during[1])})`, minutes: during }),
      })),
    }),
  }
}

function minutesOf(op: Operation): Operation {
  const { minutes, claims, ...rest } = op as Operation & { minutes?: number }
  return {
    ...rest,
    ...(minutes === undefined ? {} : { until: minutes }),
    ...(claims && {
      claims: claims.map((claim) => {
        const { minutes: during, ...others } = claim as typeof claim & { minutes?: readonly [number, number] }
        return during ? { ...others, during } : others
      }),
    }),
  }
}
