import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { DeliveryProtocol, Endpoint } from '../core/outbox.ts'
import type { Webhook } from './entities.ts'
import { collection, type RazorpayRoute, razorpayRoute, switchOf } from './routes.ts'
import { need, type RazorpayWorld } from './world.ts'

const minute = 60_000
const hour = 60 * minute

/** Pauses between attempts, milliseconds: ever longer, for 24 hours in all. Then the webhook is switched off. */
const retryAfter = [minute, 5 * minute, 24 * minute, 90 * minute, 4 * hour, 8 * hour, 10 * hour]

/** Milliseconds in which an endpoint has to answer. */
const patience = 5000

const wants = ({ active, events }: Webhook, type: string) =>
  active && (events.includes('*') || events.includes(type))

const asEndpoint = ({ id, url, secret }: Webhook): Endpoint => ({ id, url, secret })

/** How Razorpay sends events: the signature is of the exact body, the event's id is a header. */
export const razorpayProtocol = (world: () => RazorpayWorld): DeliveryProtocol => ({
  endpointsFor: (type) =>
    world()
      .webhooks.all()
      .filter((webhook) => wants(webhook, type))
      .map(asEndpoint),
  endpoint: (id) => {
    const found = world().webhooks.get(id)
    return found?.active ? asEndpoint(found) : undefined
  },
  headers: ({ id, body }, { secret }) => ({
    'content-type': 'application/json',
    'user-agent': 'Razorpay-Webhook/v1',
    'x-razorpay-event-id': id,
    'x-razorpay-signature': createHmac('sha256', secret).update(body).digest('hex'),
  }),
  retryAfter,
  patience,
  onGivenUp: (id) => {
    const found = world().webhooks.get(id)
    if (found) found.active = false
  },
})

export const makeWebhook = (
  world: RazorpayWorld,
  given: { readonly url: string; readonly secret: string; readonly events?: readonly string[] | undefined },
): Webhook =>
  world.webhooks.put({
    id: world.simulation.seeded.text(14),
    entity: 'webhook',
    url: given.url,
    secret: given.secret,
    active: true,
    events: [...(given.events ?? ['*'])],
    created_at: world.seconds(),
  })

/** Events as a list of names, or as names that are switched on. */
const events = z.union([
  z.array(z.string()),
  z
    .record(z.string(), switchOf)
    .transform((switches) => Object.keys(switches).filter((name) => switches[name])),
])

const given = z.strictObject({
  url: z.url(),
  secret: z.string(),
  events,
  active: switchOf.optional(),
  alert_email: z.string().optional(),
})

const shown = ({ secret: _, ...webhook }: Webhook) => ({ ...webhook, secret_exists: true })

export const webhookRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  razorpayRoute('POST', '/v1/webhooks', given, (wish) => shown(makeWebhook(world, wish))),
  razorpayRoute('GET', '/v1/webhooks', z.looseObject({}), () => collection(world.webhooks.all().map(shown))),
  razorpayRoute('GET', '/v1/webhooks/:id', z.looseObject({}), (_, { id }) => shown(need(world.webhooks, id))),
  razorpayRoute('PUT', '/v1/webhooks/:id', given.partial(), (wish, { id }) => {
    const defined = Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined))
    return shown(Object.assign(need(world.webhooks, id), defined))
  }),
]
