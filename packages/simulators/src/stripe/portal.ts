import { z } from 'zod'
import { clearable, flag, list, metadata, oneOf, text } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { PortalConfiguration, PortalSession } from './types.ts'
import { need, patchMetadata, type StripeWorld } from './world.ts'

const features = z.strictObject({
  customer_update: z.strictObject({ enabled: flag, allowed_updates: list(text).optional() }).optional(),
  invoice_history: z.strictObject({ enabled: flag }).optional(),
  payment_method_update: z.strictObject({ enabled: flag }).optional(),
  subscription_cancel: z
    .strictObject({ enabled: flag, mode: oneOf('at_period_end', 'immediately').optional() })
    .optional(),
})

interface NewConfiguration {
  readonly features?: z.output<typeof features> | undefined
  readonly default_return_url?: string | null | undefined
  readonly metadata?: Record<string, string> | null | undefined
  readonly isDefault?: boolean
}

function makeConfiguration(world: StripeWorld, given: NewConfiguration): PortalConfiguration {
  const wanted = given.features ?? {}
  const now = world.seconds()
  return world.portal_configurations.put({
    id: world.id('bpc'),
    object: 'billing_portal.configuration',
    active: true,
    application: null,
    business_profile: { headline: null, privacy_policy_url: null, terms_of_service_url: null },
    created: now,
    default_return_url: given.default_return_url ?? null,
    features: {
      customer_update: { allowed_updates: [], enabled: wanted.customer_update?.enabled ?? false },
      invoice_history: { enabled: wanted.invoice_history?.enabled ?? true },
      payment_method_update: {
        enabled: wanted.payment_method_update?.enabled ?? true,
        payment_method_configuration: null,
      },
      subscription_cancel: {
        cancellation_reason: { enabled: false, feedback_options: null, options: [] },
        enabled: wanted.subscription_cancel?.enabled ?? true,
        mode: wanted.subscription_cancel?.mode ?? 'at_period_end',
        proration_behavior: 'none',
      },
      subscription_pause: { duration: { interval_options: [], type: 'indefinite' }, enabled: false },
      subscription_update: {
        billing_cycle_anchor: null,
        default_allowed_updates: [],
        enabled: false,
        products: null,
        proration_behavior: 'none',
        schedule_at_period_end: { conditions: [] },
        trial_update_behavior: 'end_trial',
      },
    },
    is_default: given.isDefault ?? false,
    livemode: false,
    login_page: { enabled: false, url: null },
    metadata: patchMetadata({}, given.metadata),
    name: null,
    updated: now,
  } as PortalConfiguration)
}

const defaultConfiguration = (world: StripeWorld) =>
  world.portal_configurations.all().find((each) => each.is_default) ??
  makeConfiguration(world, { isDefault: true })

export function portalRoutes(world: StripeWorld): Route[] {
  const { portal_configurations: configurations } = world
  return [
    route(
      'POST',
      '/v1/billing_portal/sessions',
      {
        customer: text,
        configuration: text.optional(),
        locale: text.optional(),
        return_url: text.optional(),
      },
      (given): PortalSession => {
        need(world.customers, 'customer', given.customer, 'customer')
        const configuration = given.configuration
          ? need(configurations, 'configuration', given.configuration, 'configuration')
          : defaultConfiguration(world)
        const id = world.id('bps')
        return world.portal_sessions.put({
          id,
          object: 'billing_portal.session',
          configuration: configuration.id,
          created: world.seconds(),
          customer: given.customer,
          customer_account: null,
          flow: null,
          livemode: false,
          locale: (given.locale as PortalSession['locale']) ?? null,
          on_behalf_of: null,
          return_url: given.return_url ?? configuration.default_return_url,
          url: `${world.url()}/p/session/${id}`,
        })
      },
    ),
    route(
      'POST',
      '/v1/billing_portal/configurations',
      {
        business_profile: z.strictObject({ headline: clearable.optional() }).optional(),
        default_return_url: clearable.optional(),
        features,
        metadata: metadata.optional(),
      },
      (given) => makeConfiguration(world, given),
    ),
    listRoute('/v1/billing_portal/configurations', {}, () => configurations.all()),
    route('GET', '/v1/billing_portal/configurations/:id', {}, (_, { id }) =>
      need(configurations, 'configuration', id!),
    ),
  ]
}
