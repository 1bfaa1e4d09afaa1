import type { Timer } from '../core/timers.ts'
import { invalid } from './failure.ts'
import { text, whole } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { TestClock } from './types.ts'
import { change, need, type StripeWorld } from './world.ts'

/** Seconds after which Stripe deletes a test clock. */
const lifetime = 30 * 86_400
/** Seconds that a clock may go ahead in one call: two years. */
const longestStep = 2 * 366 * 86_400

/** Does what a timer asks for. */
type RunTimer = (timer: Timer) => void

/** Moves a clock, and does in its order what comes due for its customers. */
export function advanceClock(world: StripeWorld, clock: TestClock, to: number, run: RunTimer): TestClock {
  const { time } = world.simulation
  change(clock, { status: 'advancing', status_details: { advancing: { target_frozen_time: to } } })
  world.emit('test_helpers.test_clock.advancing', clock)
  const answer = structuredClone(clock)
  world.simulation.timers.runDue(clock.id, to * 1000, (timer) => time.onTestClock(timer.at, () => run(timer)))
  change(clock, { frozen_time: to, status: 'ready', status_details: {} })
  world.emit('test_helpers.test_clock.ready', clock)
  // The call is answered before the clock has arrived.
  return answer
}

export function testClockRoutes(world: StripeWorld, run: RunTimer): Route[] {
  const { test_clocks: clocks } = world
  const find = (id: string | undefined) => need(clocks, 'billing test clock', id!)
  return [
    route('POST', '/v1/test_helpers/test_clocks', { frozen_time: whole, name: text.optional() }, (given) => {
      const clock = clocks.put({
        id: world.id('clock'),
        object: 'test_helpers.test_clock',
        created: world.seconds(),
        deletes_after: world.seconds() + lifetime,
        frozen_time: given.frozen_time,
        livemode: false,
        name: given.name ?? null,
        status: 'ready',
        status_details: {},
      })
      world.emit('test_helpers.test_clock.created', clock)
      return clock
    }),
    listRoute('/v1/test_helpers/test_clocks', {}, () => clocks.all()),
    route('GET', '/v1/test_helpers/test_clocks/:id', {}, (_, { id }) => find(id)),
    route(
      'POST',
      '/v1/test_helpers/test_clocks/:id/advance',
      { frozen_time: whole },
      ({ frozen_time: to }, { id }) => {
        const clock = find(id)
        if (to <= clock.frozen_time)
          throw invalid('frozen_time must be after the clock’s present time.', { param: 'frozen_time' })
        if (to - clock.frozen_time > longestStep)
          throw invalid('A clock goes at most two years ahead in one step.', { param: 'frozen_time' })
        return advanceClock(world, clock, to, run)
      },
    ),
    route('DELETE', '/v1/test_helpers/test_clocks/:id', {}, (_, { id }) => {
      const clock = find(id)
      for (const customer of world.customers.all().filter(({ test_clock }) => test_clock === id))
        forget(world, customer.id)
      clocks.delete(id!)
      world.emit('test_helpers.test_clock.deleted', clock)
      return { id, object: 'test_helpers.test_clock', deleted: true }
    }),
  ]
}

/** What belongs to the clock goes with it. */
function forget(world: StripeWorld, customer: string): void {
  world.customers.delete(customer)
  for (const table of [world.subscriptions, world.invoices, world.payment_methods])
    for (const each of table.all()) if (each.customer === customer) table.delete(each.id)
}
