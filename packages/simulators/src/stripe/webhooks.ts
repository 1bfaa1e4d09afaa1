import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { DeliveryProtocol, Endpoint } from '../core/outbox.ts'
import { invalid } from './failure.ts'
import { clearable, flag, list, metadata, text } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { WebhookEndpoint } from './types.ts'
import { apiVersion, change, need, patchMetadata, type StripeWorld } from './world.ts'

const minute = 60_000
const hour = 60 * minute

/**
 * Pauses between attempts, milliseconds: ever longer, up to three days in all. Stripe promises the three days and the
 * growing pauses, not these very figures.
 */
const retryAfter = [
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  10 * hour,
  12 * hour,
  12 * hour,
  12 * hour,
  8 * hour,
]

/** Milliseconds in which an endpoint has to answer. */
const patience = 20_000

const wants = ({ enabled_events: wanted, status }: WebhookEndpoint, type: string) =>
  status === 'enabled' && (wanted.includes('*') || wanted.includes(type))

const asEndpoint = ({ id, url, secret }: WebhookEndpoint): Endpoint => ({ id, url, secret: secret! })

/** `Stripe-Signature` for a body sent at `at` seconds. */
const signStripe = (body: string, secret: string, at: number): string =>
  `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`

/** How Stripe sends events: signed, and tried again for three days. */
export function stripeProtocol(world: () => StripeWorld): DeliveryProtocol {
  const endpoints = () => world().webhook_endpoints
  return {
    endpointsFor: (type) =>
      endpoints()
        .all()
        .filter((endpoint) => wants(endpoint, type))
        .map(asEndpoint),
    endpoint: (id) => {
      const found = endpoints().get(id)
      return found?.status === 'enabled' ? asEndpoint(found) : undefined
    },
    headers: ({ body }, { secret }) => ({
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': signStripe(
        body,
        secret,
        Math.floor(world().simulation.base.now().getTime() / 1000),
      ),
    }),
    retryAfter,
    patience,
  }
}

/** Adds an endpoint; its secret is given this once by the API. */
export function makeEndpoint(
  world: StripeWorld,
  given: {
    readonly url: string
    readonly enabled_events?: readonly string[]
    readonly secret?: string
    readonly description?: string | null
  },
): WebhookEndpoint {
  if (!URL.canParse(given.url) || !/^https?:/.test(given.url))
    throw invalid('Invalid URL: An explicit scheme (such as https) must be provided.', {
      code: 'url_invalid',
      param: 'url',
    })
  return world.webhook_endpoints.put({
    id: world.id('we'),
    object: 'webhook_endpoint',
    api_version: apiVersion,
    application: null,
    created: world.seconds(),
    description: given.description ?? null,
    enabled_events: [...(given.enabled_events ?? ['*'])],
    livemode: false,
    metadata: {},
    secret: given.secret ?? `whsec_${world.simulation.seeded.text(32)}`,
    status: 'enabled',
    url: given.url,
  })
}

const withoutSecret = ({ secret: _, ...endpoint }: WebhookEndpoint) => endpoint

export function webhookRoutes(world: StripeWorld): Route[] {
  const { webhook_endpoints: endpoints, events } = world
  const find = (id: string | undefined) => need(endpoints, 'webhook endpoint', id!)
  return [
    route(
      'POST',
      '/v1/webhook_endpoints',
      {
        url: text,
        enabled_events: list(text),
        api_version: text.optional(),
        description: text.optional(),
        metadata: metadata.optional(),
      },
      (given) => {
        const endpoint = makeEndpoint(world, {
          url: given.url,
          enabled_events: given.enabled_events,
          description: given.description ?? null,
        })
        endpoint.metadata = patchMetadata({}, given.metadata)
        return endpoint
      },
    ),
    listRoute('/v1/webhook_endpoints', {}, () => endpoints.all().map(withoutSecret)),
    route('GET', '/v1/webhook_endpoints/:id', {}, (_, { id }) => withoutSecret(find(id))),
    route(
      'POST',
      '/v1/webhook_endpoints/:id',
      {
        url: text.optional(),
        enabled_events: list(text).optional(),
        description: clearable.optional(),
        disabled: flag.optional(),
        metadata: metadata.optional(),
      },
      ({ disabled, metadata: patch, ...given }, { id }) => {
        const endpoint = find(id)
        change(endpoint, {
          ...given,
          ...(disabled === undefined ? {} : { status: disabled ? 'disabled' : 'enabled' }),
          metadata: patchMetadata(endpoint, patch),
        } as Partial<WebhookEndpoint>)
        return withoutSecret(endpoint)
      },
    ),
    route('DELETE', '/v1/webhook_endpoints/:id', {}, (_, { id }) => {
      find(id)
      endpoints.delete(id!)
      return { id, object: 'webhook_endpoint', deleted: true }
    }),
    listRoute(
      '/v1/events',
      {
        type: text.optional(),
        types: list(text).pipe(z.array(z.string()).max(20)).optional(),
        delivery_success: flag.optional(),
      },
      ({ type, types, delivery_success: arrived }) =>
        events
          .all()
          .filter((event) => !type || matchesType(type, event.type))
          .filter((event) => !types || types.includes(event.type))
          .filter((event) => arrived === undefined || hasArrived(world, event.id) === arrived),
    ),
    route('GET', '/v1/events/:id', {}, (_, { id }) => need(events, 'event', id!)),
  ]
}

/** `invoice.*` stands for every type of that beginning. */
const matchesType = (wanted: string, type: string): boolean =>
  wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted

const hasArrived = (world: StripeWorld, event: string): boolean =>
  world.simulation.outbox.list().every(({ id, state }) => id !== event || state === 'delivered')
