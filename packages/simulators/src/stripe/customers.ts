import { z } from 'zod'
import { clearable, currency, list, metadata, oneOf, text, whole } from './params.ts'
import { address, addressOf, attachPaymentMethod, resolvePaymentMethod } from './payment-methods.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { Customer, CustomerBalanceTransaction } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

const fields = {
  address: address.optional(),
  balance: whole.optional(),
  description: clearable.optional(),
  email: clearable.optional(),
  invoice_prefix: text.optional(),
  invoice_settings: z
    .strictObject({ default_payment_method: clearable.optional(), footer: clearable.optional() })
    .optional(),
  metadata: metadata.optional(),
  name: clearable.optional(),
  phone: clearable.optional(),
  preferred_locales: list(text).optional(),
  shipping: z.strictObject({ address, name: text, phone: text.optional() }).optional(),
  tax_exempt: oneOf('none', 'exempt', 'reverse').optional(),
}

type Given = z.output<z.ZodObject<typeof fields>>

/** Makes a customer. Amounts of its balance are minor units; below zero it has credit. */
export function makeCustomer(
  world: StripeWorld,
  given: Given & { test_clock?: string | undefined },
): Customer {
  if (given.test_clock) need(world.test_clocks, 'billing test clock', given.test_clock, 'test_clock')
  const customer: Customer = {
    id: world.id('cus'),
    object: 'customer',
    address: addressOf(given.address),
    balance: given.balance ?? 0,
    created: world.seconds(),
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description: given.description ?? null,
    discount: null,
    email: given.email ?? null,
    invoice_prefix: given.invoice_prefix ?? world.simulation.seeded.text(8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: given.invoice_settings?.default_payment_method ?? null,
      footer: given.invoice_settings?.footer ?? null,
      rendering_options: null,
    },
    livemode: false,
    metadata: patchMetadata({}, given.metadata),
    name: given.name ?? null,
    next_invoice_sequence: 1,
    phone: given.phone ?? null,
    preferred_locales: given.preferred_locales ?? [],
    shipping: given.shipping
      ? ({ ...given.shipping, address: addressOf(given.shipping.address)! } as NonNullable<
          Customer['shipping']
        >)
      : null,
    tax_exempt: given.tax_exempt ?? 'none',
    test_clock: given.test_clock ?? null,
  }
  return world.inTimeOf(world.customers.put(customer).id, () => {
    customer.created = world.seconds()
    world.emit('customer.created', customer)
    return customer
  })
}

/** Changes what a customer owes (above zero) or has to its credit (below), in minor units. */
export function adjustBalance(
  world: StripeWorld,
  customer: Customer,
  entry: Pick<CustomerBalanceTransaction, 'amount' | 'currency' | 'type'> &
    Partial<CustomerBalanceTransaction>,
): CustomerBalanceTransaction {
  const balance = customer.balance + entry.amount
  const transaction = world.customer_balance_transactions.put({
    checkout_session: null,
    created: world.seconds(),
    credit_note: null,
    customer: customer.id,
    customer_account: null,
    description: null,
    ending_balance: balance,
    invoice: null,
    livemode: false,
    metadata: {},
    ...entry,
    id: world.id('cbtxn'),
    object: 'customer_balance_transaction',
  })
  world.emit(
    'customer.updated',
    customer,
    change(customer, { balance, currency: customer.currency ?? entry.currency }),
  )
  return transaction
}

export function customerRoutes(world: StripeWorld): Route[] {
  const { customers } = world
  return [
    route(
      'POST',
      '/v1/customers',
      { ...fields, payment_method: text.optional(), test_clock: text.optional() },
      ({ payment_method, ...given }) => {
        const method = payment_method ? resolvePaymentMethod(world, payment_method) : undefined
        const customer = makeCustomer(world, given)
        if (method) attachPaymentMethod(world, method, customer.id)
        return customer
      },
    ),
    listRoute(
      '/v1/customers',
      { email: text.optional(), test_clock: text.optional() },
      ({ email, test_clock }) =>
        customers
          .all()
          .filter((customer) => !customer.deleted && (!email || customer.email === email))
          .filter((customer) => (test_clock ? customer.test_clock === test_clock : !customer.test_clock)),
    ),
    route('GET', '/v1/customers/:id', {}, (_, { id }) => need(customers, 'customer', id!)),
    route('POST', '/v1/customers/:id', fields, (given, { id }) => {
      const customer = need(customers, 'customer', id!)
      const { metadata: patch, address: place, shipping, invoice_settings: settings, ...plain } = given
      const wanted = settings?.default_payment_method
      if (wanted)
        need(world.payment_methods, 'PaymentMethod', wanted, 'invoice_settings[default_payment_method]')
      const changes = {
        ...plain,
        ...(place ? { address: addressOf(place) } : {}),
        ...(shipping ? { shipping: { ...shipping, address: addressOf(shipping.address) } } : {}),
        ...(settings ? { invoice_settings: { ...customer.invoice_settings, ...settings } } : {}),
        metadata: patchMetadata(customer, patch),
      } as Partial<Customer>
      world.emit('customer.updated', customer, change(customer, changes))
      return customer
    }),
    route('DELETE', '/v1/customers/:id', {}, (_, { id }) => {
      const customer = need(customers, 'customer', id!)
      customers.delete(id!)
      world.emit('customer.deleted', customer)
      return { id, object: 'customer', deleted: true }
    }),
    route(
      'POST',
      '/v1/customers/:id/balance_transactions',
      { amount: whole, currency, description: text.optional(), metadata: metadata.optional() },
      (given, { id }) =>
        adjustBalance(world, need(customers, 'customer', id!), {
          amount: given.amount,
          currency: given.currency,
          type: 'adjustment',
          description: given.description ?? null,
          metadata: patchMetadata({}, given.metadata),
        }),
    ),
    listRoute('/v1/customers/:id/balance_transactions', {}, (_, { id }) =>
      world.customer_balance_transactions.all().filter(({ customer }) => customer === id),
    ),
  ]
}
