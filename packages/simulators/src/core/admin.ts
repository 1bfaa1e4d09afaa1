import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { faultSchema } from './faults.ts'
import { deliveryRulesSchema, releaseSchema } from './outbox.ts'
import type { Simulation } from './simulation.ts'

/** What a scenario is about. */
const storySchema = z.strictObject({
  /** Minor units. */
  amount: z.number().int().min(1).default(2000),
  /** ISO 4217, in lower case. */
  currency: z
    .string()
    .regex(/^[A-Za-z]{3}$/)
    .toLowerCase()
    .default('usd'),
  /** Goes along with every object of the story that takes metadata or notes: who receives the events finds its own by it. */
  metadata: z.record(z.string(), z.string()).default({}),
})

export type Story = z.output<typeof storySchema>

/** What a simulator can play from beginning to end, by name. */
export type Scenarios = Readonly<Record<string, (story: Story) => void>>

const clockSchema = z.union([
  z.strictObject({ advance: z.number().int().min(0).describe('milliseconds') }),
  z.strictObject({ set: z.iso.datetime({ offset: true }) }),
])

/** How a scenario is played: how often each of its events is sent, and in which order. */
const playSchema = z.strictObject({
  ...storySchema.shape,
  times: z.number().int().min(1).max(100).default(1),
  shuffle: z.boolean().default(false),
})

/**
 * The knobs over HTTP, below `/_simulator`: `GET /`, `POST /clock`, `PUT /webhooks`, `POST /webhooks/release`,
 * `GET /deliveries`, `POST|DELETE /faults`, `POST /scenarios/:name`. Only JSON is read, and no page of another origin may
 * call it.
 */
export function createAdmin(simulation: Simulation, scenarios: Scenarios): Hono<{ Bindings: HttpBindings }> {
  const { time, faults, outbox } = simulation
  const admin = new Hono<{ Bindings: HttpBindings }>()
  admin.use(async (call, next) => {
    const origin = call.req.header('origin')
    const isForeign = origin !== undefined && origin !== new URL(call.req.url).origin
    if (isForeign || !isLoopback(call.req.header('host') ?? ''))
      return call.json({ error: 'The simulator’s knobs are for this machine only.' }, 403)
    await next()
  })
  admin.onError((error, call) => {
    if (error instanceof z.ZodError) return call.json({ error: z.prettifyError(error) }, 400)
    if (error instanceof SyntaxError) return call.json({ error: 'The body is no JSON.' }, 400)
    return call.json({ error: error.message }, 500)
  })
  admin.get('/', (call) =>
    call.json({
      now: time.now().toISOString(),
      webhooks: outbox.rules,
      faults: faults.list(),
      scenarios: Object.keys(scenarios),
    }),
  )
  admin.post('/clock', async (call) => {
    const wish = clockSchema.parse(await call.req.json())
    const milliseconds = 'advance' in wish ? wish.advance : Date.parse(wish.set) - time.now().getTime()
    if (milliseconds < 0) return call.json({ error: 'A clock only goes forward.' }, 400)
    await simulation.advance(milliseconds)
    return call.json({ now: time.now().toISOString() })
  })
  admin.put('/webhooks', async (call) => {
    outbox.setRules(deliveryRulesSchema.parse(await call.req.json()))
    simulation.changed()
    return call.json(outbox.rules)
  })
  admin.post('/webhooks/release', async (call) =>
    call.json({ sent: await outbox.release(releaseSchema.parse(await bodyOf(call))) }),
  )
  admin.get('/deliveries', (call) => call.json(outbox.list()))
  admin.post('/faults', async (call) => {
    faults.add(faultSchema.parse(await call.req.json()))
    simulation.changed()
    return call.json(faults.list())
  })
  admin.delete('/faults', (call) => {
    faults.clear()
    return call.json(faults.list())
  })
  admin.post('/scenarios/:name', async (call) => {
    const name = call.req.param('name')
    if (!Object.hasOwn(scenarios, name))
      return call.json({ error: 'unknown scenario', scenarios: Object.keys(scenarios) }, 404)
    return call.json(await playScenario(simulation, scenarios, name, playSchema.parse(await bodyOf(call))))
  })
  return admin
}

/** What came of a scenario. */
export interface Played {
  /** Types of the events it made, in the order in which they were made. */
  readonly events: readonly string[]
  readonly deliveries: readonly {
    readonly event: string
    readonly type: string
    readonly answer: number | string | null
  }[]
}

export type Play = z.input<typeof playSchema>

/** Plays a scenario; its events go out together, each `times` times. */
export async function playScenario(
  simulation: Simulation,
  scenarios: Scenarios,
  name: string,
  how: Play = {},
): Promise<Played> {
  const scenario = Object.hasOwn(scenarios, name) ? scenarios[name] : undefined
  if (!scenario) throw new RangeError(`There is no scenario ${name}.`)
  const { times, shuffle, ...story } = playSchema.parse(how)
  const { outbox } = simulation
  await outbox.settled()
  const before = outbox.rules
  outbox.setRules({ ...before, hold: true })
  const last = outbox.list().at(-1)?.key ?? 0
  try {
    scenario(story)
  } finally {
    outbox.setRules(before)
  }
  const events = outbox.list().filter(({ key }) => key > last)
  await outbox.release({ times, order: shuffle ? 'shuffled' : 'made' })
  simulation.changed()
  const known = new Set(events.map(({ id }) => id))
  return {
    events: [...new Map(events.map(({ id, type }) => [id, type])).values()],
    deliveries: outbox
      .list()
      .filter(({ id, key }) => key > last && known.has(id))
      .map(({ id, type, answer }) => ({ event: id, type, answer })),
  }
}

const bodyOf = async (call: Context): Promise<unknown> => {
  const text = await call.req.text()
  return text ? JSON.parse(text) : {}
}

/** A page of another site may point its own name to this machine; it cannot choose the name that is asked for. */
const isLoopback = (host: string): boolean => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)
