import { z } from 'zod'
import type { Seeded } from './seeded.ts'
import type { SimulatedTime } from './time.ts'

/** How webhooks go out. */
export const deliveryRulesSchema = z.strictObject({
  /** How often each event is sent to each endpoint. */
  times: z.number().int().min(0).max(100).default(1),
  /** Sends what gathers within `gatherMilliseconds` in random order. */
  shuffle: z.boolean().default(false),
  /** Keeps everything back until it is released. */
  hold: z.boolean().default(false),
  /** Milliseconds of the simulator's clock that each delivery comes later. */
  delay: z.number().int().min(0).default(0),
  /** Types of events that are never sent; `*` for all. They stay in the provider's list of events. */
  drop: z.array(z.string()).default([]),
  /** How many deliveries are under way at once. */
  parallel: z.number().int().min(1).max(64).default(1),
})

export type DeliveryRules = z.output<typeof deliveryRulesSchema>

/** An address that is told of events. */
export interface Endpoint {
  readonly id: string
  readonly url: string
  readonly secret: string
}

export interface OutgoingEvent {
  readonly id: string
  readonly type: string
  /** The exact text that is signed and sent. */
  readonly body: string
}

/** What one provider does its own way. */
export interface DeliveryProtocol {
  endpointsFor(type: string): readonly Endpoint[]
  endpoint(id: string): Endpoint | undefined
  headers(event: OutgoingEvent, endpoint: Endpoint): Record<string, string>
  /** Milliseconds from each failed attempt to the next one; after the last the provider gives up. */
  readonly retryAfter: readonly number[]
  /** Milliseconds in which an endpoint has to answer. */
  readonly patience: number
  /** Called when an endpoint did not take an event in the end. */
  readonly onGivenUp?: (endpoint: string) => void
}

export interface Delivery extends OutgoingEvent {
  readonly key: number
  readonly endpoint: string
  attempts: number
  /** Milliseconds since 1970. */
  dueAt: number
  state: 'held' | 'waiting' | 'delivered' | 'dropped' | 'given up'
  /** The last answer's status, or why there was none. */
  answer: number | string | null
}

/** How held events are let go. */
export const releaseSchema = z.strictObject({
  /** How often each one is sent. */
  times: z.number().int().min(1).max(100).default(1),
  order: z.enum(['made', 'reversed', 'shuffled']).default('made'),
})

export interface OutboxState {
  rules: DeliveryRules
  deliveries: Delivery[]
  deliveryCount: number
}

export interface Outbox {
  readonly rules: DeliveryRules
  setRules(rules: z.input<typeof deliveryRulesSchema>): void
  add(event: OutgoingEvent): void
  /** Sends an event that was made before once more, to every endpoint that wants it. */
  resend(event: OutgoingEvent): void
  /** Lets go what is held, and waits until it has arrived or failed. Gives how many messages were sent. */
  release(how?: z.input<typeof releaseSchema>): Promise<number>
  list(): readonly Delivery[]
  nextDue(): number | undefined
  /** Sends what is due, attempts that come due by then included, as a moved clock asks for. */
  settled(): Promise<void>
  /** Sends nothing any more, and gives up what is under way. */
  stop(): Promise<void>
}

/** Milliseconds of the machine's time in which events gather before they are shuffled. */
const gatherMilliseconds = 50
/** Deliveries that came to an end are remembered up to so many. */
const longestHistory = 2_000

interface OutboxOptions {
  readonly state: OutboxState
  readonly time: SimulatedTime
  readonly seeded: Seeded
  readonly protocol: DeliveryProtocol
  readonly onChange: () => void
}

export function createOutbox({ state, time, seeded, protocol, onChange }: OutboxOptions): Outbox {
  let working: Promise<void> | undefined
  let stopped = false
  const stopping = new AbortController()
  let gathering: NodeJS.Timeout | undefined

  const isDue = (delivery: Delivery) => delivery.state === 'waiting' && delivery.dueAt <= time.own()

  const enqueue = (event: OutgoingEvent, endpoint: Endpoint, first: Delivery['state']) => {
    state.deliveryCount += 1
    const delivery: Delivery = {
      ...event,
      key: state.deliveryCount,
      endpoint: endpoint.id,
      attempts: 0,
      dueAt: time.own() + state.rules.delay,
      state: first,
      answer: null,
    }
    state.deliveries.push(delivery)
    return delivery
  }

  const wake = () => {
    if (stopped || gathering) return
    // After the answer of the call that made the events; with `shuffle`, once more of them have gathered.
    gathering = setTimeout(
      () => {
        gathering = undefined
        void work()
      },
      state.rules.shuffle ? gatherMilliseconds : 0,
    )
  }

  const work = (): Promise<void> => {
    working ??= sendAllDue().finally(() => {
      working = undefined
      forgetOld(state)
      onChange()
    })
    return working
  }

  const sendAllDue = async () => {
    for (;;) {
      if (stopped) return
      const due = state.deliveries.filter(isDue).toSorted((a, b) => a.dueAt - b.dueAt || a.key - b.key)
      const [first] = due
      if (!first) return
      // A retry that comes due while the clock is moved has its turn before what is due later.
      const together = due.filter(({ dueAt }) => dueAt === first.dueAt || state.rules.shuffle)
      await sendEach(state.rules.shuffle ? seeded.shuffle(together) : together)
    }
  }

  const sendEach = async (deliveries: readonly Delivery[]) => {
    const rest = [...deliveries]
    const sendNext = async () => {
      for (let next = rest.shift(); next && !stopped; next = rest.shift()) await attempt(next)
    }
    await Promise.all(Array.from({ length: state.rules.parallel }, sendNext))
  }

  const attempt = async (delivery: Delivery) => {
    const endpoint = protocol.endpoint(delivery.endpoint)
    delivery.attempts += 1
    delivery.answer = endpoint
      ? await send(delivery, endpoint, protocol, stopping.signal)
      : 'the endpoint is gone'
    if (typeof delivery.answer === 'number' && delivery.answer >= 200 && delivery.answer < 300) {
      delivery.state = 'delivered'
      return
    }
    const pause = protocol.retryAfter[delivery.attempts - 1]
    if (endpoint && pause !== undefined) {
      delivery.dueAt += pause
      return
    }
    delivery.state = 'given up'
    protocol.onGivenUp?.(delivery.endpoint)
  }

  const addFor = (event: OutgoingEvent, rules: Pick<DeliveryRules, 'times' | 'hold'>, dropped: boolean) => {
    const first = dropped ? 'dropped' : rules.hold ? 'held' : 'waiting'
    for (const endpoint of protocol.endpointsFor(event.type))
      for (let copy = 0; copy < rules.times; copy += 1) enqueue(event, endpoint, first)
    onChange()
    wake()
  }

  const settled = async () => {
    clearTimeout(gathering)
    gathering = undefined
    do await work()
    while (!stopped && state.deliveries.some(isDue))
  }

  return {
    get rules() {
      return state.rules
    },
    setRules: (rules) => {
      state.rules = deliveryRulesSchema.parse(rules)
    },
    add: (event) => addFor(event, state.rules, isDropped(state.rules, event.type)),
    resend: (event) => addFor(event, { times: 1, hold: false }, false),
    release: async (how) => {
      const { times, order } = releaseSchema.parse(how ?? {})
      const held = state.deliveries.filter((delivery) => delivery.state === 'held')
      const copies = held.flatMap((delivery) => Array.from({ length: times }, () => delivery))
      const ordered = {
        made: () => copies,
        reversed: () => copies.toReversed(),
        shuffled: () => seeded.shuffle(copies),
      }
      state.deliveries = state.deliveries.filter((delivery) => delivery.state !== 'held')
      for (const { key: _, ...delivery } of ordered[order]()) {
        state.deliveryCount += 1
        state.deliveries.push({
          ...delivery,
          key: state.deliveryCount,
          state: 'waiting',
          dueAt: time.own(),
        })
      }
      await settled()
      return copies.length
    },
    list: () => state.deliveries,
    nextDue: () =>
      state.deliveries.reduce<number | undefined>(
        (first, { state: present, dueAt }) =>
          present === 'waiting' && (first === undefined || dueAt < first) ? dueAt : first,
        undefined,
      ),
    settled,
    stop: async () => {
      stopped = true
      clearTimeout(gathering)
      stopping.abort()
      await working
    },
  }
}

const isDropped = ({ drop }: DeliveryRules, type: string): boolean =>
  drop.includes(type) || drop.includes('*')

/** Gives the status of the answer, or why there was none. */
async function send(
  event: OutgoingEvent,
  endpoint: Endpoint,
  { headers, patience }: DeliveryProtocol,
  stopping: AbortSignal,
): Promise<number | string> {
  try {
    const answer = await fetch(endpoint.url, {
      method: 'POST',
      headers: headers(event, endpoint),
      body: event.body,
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(patience), stopping]),
    })
    await answer.body?.cancel()
    return answer.status
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return cause instanceof Error ? cause.message : String(cause)
  }
}

function forgetOld(state: OutboxState): void {
  const surplus = state.deliveries.length - longestHistory
  if (surplus <= 0) return
  const ended = state.deliveries.filter(({ state: present }) => present !== 'waiting' && present !== 'held')
  const forgotten = new Set(ended.slice(0, surplus))
  state.deliveries = state.deliveries.filter((delivery) => !forgotten.has(delivery))
}
