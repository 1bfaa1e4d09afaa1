import { z } from 'zod'
import { amountOf, makePrice, priceData } from './catalog.ts'
import { invalid } from './failure.ts'
import { draftInvoice, makeInvoice, pendingItems, pricingOf, refreshDraft } from './invoice-draft.ts'
import { defaultMethodOf, endInvoice, finalizeInvoice, settlePaid, tryInvoice } from './invoices.ts'
import { clearable, currency, flag, metadata, oneOf, text, whole } from './params.ts'
import { resolvePaymentMethod } from './payment-methods.ts'
import { prorationLines } from './prorations.ts'
import { listRoute, paginate, type Route, route } from './routes.ts'
import { cycleLine, rollPeriod } from './subscription-objects.ts'
import { itemsGiven } from './subscription-params.ts'
import { noMethod } from './subscriptions.ts'
import type { Invoice, InvoiceItem } from './types.ts'
import { applyItems } from './update-subscription.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

const editable = {
  auto_advance: flag.optional(),
  collection_method: oneOf('charge_automatically', 'send_invoice').optional(),
  days_until_due: whole.optional(),
  default_payment_method: clearable.optional(),
  description: clearable.optional(),
  due_date: whole.optional(),
  footer: clearable.optional(),
  metadata: metadata.optional(),
}

export function invoiceRoutes(world: StripeWorld): Route[] {
  const { invoices } = world
  const find = (id: string | undefined) => need(invoices, 'invoice', id!)
  return [
    route(
      'POST',
      '/v1/invoices',
      {
        ...editable,
        customer: text,
        currency: currency.optional(),
        pending_invoice_items_behavior: oneOf('exclude', 'include').default('exclude'),
        subscription: text.optional(),
      },
      (given) => {
        const customer = need(world.customers, 'customer', given.customer, 'customer')
        const {
          metadata: patch,
          days_until_due,
          customer: _,
          currency: unit,
          pending_invoice_items_behavior: pending,
          subscription,
          ...fields
        } = given
        return world.inTimeOf(customer.id, () =>
          makeInvoice(
            world,
            {
              customer,
              currency: unit ?? customer.currency ?? 'usd',
              reason: 'manual',
              lines: [],
              subscription: subscription
                ? need(world.subscriptions, 'subscription', subscription, 'subscription')
                : undefined,
              collection: given.collection_method,
              daysUntilDue: days_until_due,
              fields: {
                auto_advance: false,
                ...withoutUndefined(fields),
                metadata: patchMetadata({}, patch),
              },
            },
            pending === 'include' ? pendingItems(world, customer.id) : [],
          ),
        )
      },
    ),
    listRoute(
      '/v1/invoices',
      {
        customer: text.optional(),
        subscription: text.optional(),
        status: text.optional(),
        collection_method: text.optional(),
      },
      (wanted) =>
        invoices
          .all()
          .filter((invoice) => !wanted.customer || invoice.customer === wanted.customer)
          .filter((invoice) => !wanted.status || invoice.status === wanted.status)
          .filter(
            (invoice) =>
              !wanted.subscription ||
              invoice.parent?.subscription_details?.subscription === wanted.subscription,
          ),
    ),
    route(
      'POST',
      '/v1/invoices/create_preview',
      {
        customer: text.optional(),
        subscription: text,
        subscription_details: z
          .strictObject({
            items: itemsGiven.optional(),
            proration_behavior: oneOf('always_invoice', 'create_prorations', 'none').optional(),
            proration_date: whole.optional(),
          })
          .optional(),
      },
      ({ subscription: id, subscription_details: details = {} }) => preview(world, id, details),
    ),
    route('GET', '/v1/invoices/:id', {}, (_, { id }) => find(id)),
    route(
      'POST',
      '/v1/invoices/:id',
      editable,
      ({ metadata: patch, days_until_due: _, ...fields }, { id }) => {
        const invoice = find(id)
        const changes = { ...withoutUndefined(fields), metadata: patchMetadata(invoice, patch) }
        world.emit('invoice.updated', invoice, change(invoice, changes))
        return invoice
      },
    ),
    route('DELETE', '/v1/invoices/:id', {}, (_, { id }) => {
      const invoice = find(id)
      if (invoice.status !== 'draft')
        throw invalid('You can only delete draft invoices.', { code: 'invoice_not_editable' })
      for (const item of world.invoice_items.all()) if (item.invoice === id) item.invoice = null
      invoices.delete(id!)
      world.emit('invoice.deleted', invoice)
      return { id, object: 'invoice', deleted: true }
    }),
    route('POST', '/v1/invoices/:id/finalize', { auto_advance: flag.optional() }, (given, { id }) => {
      const invoice = find(id)
      if (given.auto_advance !== undefined) invoice.auto_advance = given.auto_advance
      return finalizeInvoice(world, invoice)
    }),
    route('POST', '/v1/invoices/:id/send', {}, (_, { id }) => {
      const invoice = find(id)
      if (invoice.status === 'draft') finalizeInvoice(world, invoice)
      else world.emit('invoice.sent', invoice)
      return invoice
    }),
    route(
      'POST',
      '/v1/invoices/:id/pay',
      {
        payment_method: text.optional(),
        off_session: flag.optional(),
        paid_out_of_band: flag.optional(),
        forgive: flag.optional(),
      },
      (given, { id }) => pay(world, find(id), given),
    ),
    route('POST', '/v1/invoices/:id/void', {}, (_, { id }) => endInvoice(world, find(id), 'void')),
    route('POST', '/v1/invoices/:id/mark_uncollectible', {}, (_, { id }) =>
      endInvoice(world, find(id), 'uncollectible'),
    ),
    listRoute('/v1/invoices/:id/lines', {}, (_, { id }) => find(id).lines.data.toReversed()),
    route(
      'GET',
      '/v1/invoice_payments',
      {
        invoice: text.optional(),
        limit: whole.default(10),
        payment: z.strictObject({ type: text, payment_intent: text.optional() }).optional(),
      },
      ({ invoice, limit, payment }) => {
        const found = world.invoice_payments
          .all()
          .filter((each) => !invoice || each.invoice === invoice)
          .filter(
            (each) => !payment?.payment_intent || each.payment.payment_intent === payment.payment_intent,
          )
        return paginate(found, { limit }, '/v1/invoice_payments')
      },
    ),
    route('GET', '/v1/invoice_payments/:id', {}, (_, { id }) =>
      need(world.invoice_payments, 'invoice payment', id!),
    ),
    ...invoiceItemRoutes(world),
  ]
}

const withoutUndefined = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>
  }

function pay(
  world: StripeWorld,
  invoice: Invoice,
  given: {
    payment_method?: string | undefined
    off_session?: boolean | undefined
    paid_out_of_band?: boolean | undefined
  },
): Invoice {
  if (invoice.status === 'draft') finalizeInvoice(world, invoice)
  if (invoice.status === 'paid') {
    if (invoice.amount_due === 0) return invoice
    throw invalid('Invoice is already paid', { code: 'invoice_already_paid' })
  }
  if (invoice.status === 'void') throw invalid('This invoice was voided.', { code: 'invoice_not_editable' })
  if (given.paid_out_of_band) {
    world.inTimeOf(invoice.customer, () => settlePaid(world, invoice, 0))
    return invoice
  }
  const method = given.payment_method ? resolvePaymentMethod(world, given.payment_method).id : undefined
  if (!method && !defaultMethodOf(world, invoice)) throw noMethod()
  const attempt = tryInvoice(world, invoice, { method, offSession: given.off_session ?? true })
  if (attempt?.ended === 'refused') throw attempt.failure
  if (attempt?.ended === 'requires action')
    throw invalid('Nobody was there to authenticate the payment of this invoice.', {
      code: 'invoice_payment_intent_requires_action',
    })
  return invoice
}

/** The next invoice of a subscription, as it is or after a change that nobody made. */
function preview(
  world: StripeWorld,
  id: string,
  details: {
    items?: z.output<typeof itemsGiven> | undefined
    proration_behavior?: string | undefined
    proration_date?: number | undefined
  },
): Invoice {
  const present = need(world.subscriptions, 'subscription', id, 'subscription')
  const customer = need(world.customers, 'customer', present.customer)
  return world.inTimeOf(customer.id, () => {
    const after = structuredClone(present)
    if (details.items) applyItems(world, after, details.items)
    const at = details.proration_date ?? world.seconds()
    const proration = details.proration_behavior ?? 'create_prorations'
    const changes =
      proration === 'none' || present.status === 'trialing'
        ? []
        : prorationLines(world, present.items.data, after.items.data, at)
    const period = proration === 'always_invoice' ? undefined : rollPeriod(after)
    const cycle = period ? after.items.data.map((item) => cycleLine(world, item, period)) : []
    return draftInvoice(
      world,
      {
        customer,
        currency: present.currency,
        reason: 'upcoming',
        lines: [...changes, ...cycle],
        subscription: after,
      },
      pendingItems(world, customer.id, id),
      `upcoming_${world.id('in')}`,
    )
  })
}

const itemFields = {
  amount: whole.optional(),
  description: clearable.optional(),
  discountable: flag.optional(),
  metadata: metadata.optional(),
  quantity: whole.optional(),
  unit_amount_decimal: text.optional(),
}

function invoiceItemRoutes(world: StripeWorld): Route[] {
  const { invoice_items: items } = world
  const find = (id: string | undefined) => need(items, 'invoiceitem', id!)
  const draftOf = (item: InvoiceItem) => {
    const invoice = world.invoices.get(item.invoice ?? '')
    if (invoice && invoice.status !== 'draft')
      throw invalid('The invoice of this item is final.', { code: 'invoice_not_editable' })
    return invoice
  }
  return [
    route(
      'POST',
      '/v1/invoiceitems',
      {
        ...itemFields,
        customer: text,
        currency: currency.optional(),
        invoice: text.optional(),
        subscription: text.optional(),
        price_data: priceData.optional(),
        pricing: z.strictObject({ price: text }).optional(),
        period: z.strictObject({ start: whole, end: whole }).optional(),
      },
      (given) => {
        const customer = need(world.customers, 'customer', given.customer, 'customer')
        return world.inTimeOf(customer.id, () => {
          const price = given.price_data
            ? makePrice(world, given.price_data)
            : given.pricing
              ? need(world.prices, 'price', given.pricing.price, 'pricing[price]')
              : undefined
          const quantity = given.quantity ?? 1
          const now = world.seconds()
          const item = items.put({
            id: world.id('ii'),
            object: 'invoiceitem',
            amount: given.amount ?? (price ? amountOf(price, quantity) : 0),
            currency: given.currency ?? price?.currency ?? customer.currency ?? 'usd',
            customer: customer.id,
            customer_account: null,
            date: now,
            description:
              given.description ?? (price ? (world.products.get(price.product)?.name ?? null) : null),
            discountable: given.discountable ?? true,
            discounts: [],
            invoice: given.invoice ?? null,
            livemode: false,
            metadata: patchMetadata({}, given.metadata),
            net_amount: given.amount ?? 0,
            parent: given.subscription
              ? { subscription_details: { subscription: given.subscription }, type: 'subscription_details' }
              : null,
            period: given.period ?? { start: now, end: now },
            pricing: pricingOf(price) as InvoiceItem['pricing'],
            proration: false,
            quantity,
            quantity_decimal: String(quantity),
            tax_rates: [],
            test_clock: customer.test_clock ?? null,
          })
          const invoice = given.invoice
            ? need(world.invoices, 'invoice', given.invoice, 'invoice')
            : undefined
          if (invoice) {
            draftOf(item)
            refreshDraft(world, invoice)
          }
          world.emit('invoiceitem.created', item)
          return item
        })
      },
    ),
    listRoute(
      '/v1/invoiceitems',
      { customer: text.optional(), invoice: text.optional(), pending: flag.optional() },
      (wanted) =>
        items
          .all()
          .filter((item) => !wanted.customer || item.customer === wanted.customer)
          .filter((item) => !wanted.invoice || item.invoice === wanted.invoice)
          .filter((item) => wanted.pending === undefined || (item.invoice === null) === wanted.pending),
    ),
    route('GET', '/v1/invoiceitems/:id', {}, (_, { id }) => find(id)),
    route('POST', '/v1/invoiceitems/:id', itemFields, ({ metadata: patch, ...given }, { id }) => {
      const item = find(id)
      const invoice = draftOf(item)
      change(item, {
        ...withoutUndefined(given),
        metadata: patchMetadata(item, patch),
      } as unknown as Partial<InvoiceItem>)
      if (invoice) refreshDraft(world, invoice)
      return item
    }),
    route('DELETE', '/v1/invoiceitems/:id', {}, (_, { id }) => {
      const item = find(id)
      const invoice = draftOf(item)
      items.delete(id!)
      if (invoice) refreshDraft(world, invoice)
      world.emit('invoiceitem.deleted', item)
      return { id, object: 'invoiceitem', deleted: true }
    }),
  ]
}
