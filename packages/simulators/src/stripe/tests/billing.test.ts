import type Stripe from 'stripe'
import { expect, test } from 'vitest'
import { refusal, start, useStripe } from './use-stripe.ts'

const at = useStripe()
const day = 86_400
const now = start / 1000

/** A customer on a clock of its own, with a card, and two monthly prices of one product. */
async function prepare(card = 'pm_card_visa') {
  const { stripe } = at
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: now })
  const customer = await stripe.customers.create({ email: 'c@example.com', test_clock: clock.id })
  const method = await stripe.paymentMethods.attach(card, { customer: customer.id })
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } })
  const product = await stripe.products.create({ name: 'Studio' })
  const price = (unit_amount: number) =>
    stripe.prices.create({
      product: product.id,
      unit_amount,
      currency: 'thb',
      recurring: { interval: 'month' },
    })
  const advance = (seconds: number) =>
    stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: now + seconds })
  await at.types()
  return { clock, customer, small: await price(29_900), large: await price(99_900), advance }
}

const subscribe = (customer: string, price: string, more: Partial<Stripe.SubscriptionCreateParams> = {}) =>
  at.stripe.subscriptions.create({ customer, items: [{ price }], expand: ['latest_invoice'], ...more })

test('a subscription is paid, renewed by its clock, and billed an hour after the period began', async () => {
  const { customer, small, advance } = await prepare()
  await at.types()
  const subscription = await subscribe(customer.id, small.id, { metadata: { plan: 'creator' } })
  expect(subscription.status).toBe('active')
  expect(await at.types()).toEqual([
    'customer.subscription.created',
    'invoice.created',
    'payment_intent.created',
    'invoice.finalized',
    'charge.succeeded',
    'charge.updated',
    'payment_intent.succeeded',
    'invoice_payment.paid',
    'invoice.paid',
    'customer.subscription.updated',
    'invoice.payment_succeeded',
  ])
  const first = subscription.latest_invoice as Stripe.Invoice
  expect(first).toMatchObject({ status: 'paid', billing_reason: 'subscription_create', amount_paid: 29_900 })
  expect(first.parent?.subscription_details).toMatchObject({
    subscription: subscription.id,
    metadata: { plan: 'creator' },
  })
  expect((await advance(31 * day + 600)).status).toBe('advancing')
  const renewed = await at.stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] })
  expect(renewed.items.data[0]?.current_period_start).toBe(now + 31 * day)
  expect(renewed.latest_invoice).toMatchObject({ status: 'draft', billing_reason: 'subscription_cycle' })
  await advance(31 * day + 3700)
  const invoices = await at.stripe.invoices.list({ subscription: subscription.id })
  expect(invoices.data.map(({ status, number }) => [status, number?.slice(-4)])).toEqual([
    ['paid', '0002'],
    ['paid', '0001'],
  ])
})

test('a trial costs nothing, announces its end, and then bills', async () => {
  const { customer, small, advance } = await prepare()
  const subscription = await subscribe(customer.id, small.id, { trial_period_days: 14 })
  expect(subscription).toMatchObject({
    status: 'trialing',
    trial_end: now + 14 * day,
    latest_invoice: { total: 0, status: 'paid' },
  })
  await at.types()
  await advance(11 * day + 10)
  expect(await at.types()).toContain('customer.subscription.trial_will_end')
  await advance(14 * day + 2 * 3600)
  expect((await at.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active')
  expect((await at.stripe.invoices.list({ customer: customer.id, limit: 1 })).data[0]).toMatchObject({
    status: 'paid',
    total: 29_900,
  })
})

test('a card that stops paying leads past_due, three retries, and the end', async () => {
  const { customer, small, advance } = await prepare('pm_card_chargeCustomerFail')
  const subscription = await subscribe(customer.id, small.id, { trial_period_days: 7 })
  await advance(7 * day + 2 * 3600)
  expect((await at.stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due')
  const [invoice] = (await at.stripe.invoices.list({ customer: customer.id, limit: 1 })).data
  expect(invoice).toMatchObject({
    status: 'open',
    attempt_count: 1,
    next_payment_attempt: now + 7 * day + 3600 + 3 * day,
  })
  await at.types()
  await advance(30 * day)
  const types = await at.types()
  expect(types.filter((type) => type === 'invoice.payment_failed')).toHaveLength(3)
  expect(types).toContain('customer.subscription.deleted')
  expect(await at.stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    status: 'canceled',
    cancellation_details: { reason: 'payment_failed' },
  })
})

test('a new card brings a past due subscription back', async () => {
  const { customer, small, advance } = await prepare('pm_card_chargeCustomerFail')
  const subscription = await subscribe(customer.id, small.id, { trial_period_days: 7 })
  await advance(8 * day)
  const method = await at.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id })
  await at.stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } })
  const { latest_invoice: invoice } = await at.stripe.subscriptions.retrieve(subscription.id)
  expect((await at.stripe.invoices.pay(invoice as string)).status).toBe('paid')
  expect((await at.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active')
  expect((await refusal(at.stripe.invoices.pay(invoice as string))).code).toBe('invoice_already_paid')
})

test('the first payment fails: the subscription is incomplete, and expires after 23 hours', async () => {
  const { customer, small, advance } = await prepare('pm_card_chargeCustomerFail')
  const subscription = await subscribe(customer.id, small.id)
  expect(subscription).toMatchObject({ status: 'incomplete', latest_invoice: { status: 'open' } })
  await advance(23 * 3600 + 10)
  expect((await at.stripe.subscriptions.retrieve(subscription.id)).status).toBe('incomplete_expired')
  const refused = await refusal(subscribe(customer.id, small.id, { payment_behavior: 'error_if_incomplete' }))
  expect(refused.code).toBe('card_declined')
  expect((await at.stripe.subscriptions.list({ customer: customer.id, status: 'all' })).data).toHaveLength(1)
})

test('an incomplete subscription is paid by the secret of its invoice', async () => {
  const { customer, small } = await prepare()
  const expand = ['latest_invoice.confirmation_secret', 'latest_invoice.payments']
  const subscription = await subscribe(customer.id, small.id, {
    payment_behavior: 'default_incomplete',
    expand,
  })
  const invoice = subscription.latest_invoice as Stripe.Invoice
  expect(invoice.confirmation_secret?.client_secret).toMatch(/^pi_.*_secret_/)
  const intent = invoice.payments?.data[0]?.payment.payment_intent as string
  await at.stripe.paymentIntents.confirm(intent, { payment_method: 'pm_card_visa' })
  expect((await at.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active')
})

test('an upgrade in the middle of a period is prorated to the second, as its preview said', async () => {
  const { customer, small, large, advance } = await prepare()
  const subscription = await subscribe(customer.id, small.id)
  await advance(15 * day + day / 2)
  const items = [{ id: subscription.items.data[0]!.id, price: large.id }]
  const preview = await at.stripe.invoices.createPreview({
    subscription: subscription.id,
    subscription_details: { items, proration_behavior: 'always_invoice' },
  })
  expect(preview.lines.data.map(({ amount }) => amount)).toEqual([-14_950, 49_950])
  const changed = await at.stripe.subscriptions.update(subscription.id, {
    items,
    proration_behavior: 'always_invoice',
    expand: ['latest_invoice'],
  })
  expect(changed.latest_invoice).toMatchObject({
    status: 'paid',
    total: 35_000,
    billing_reason: 'subscription_update',
  })
  expect(changed.items.data[0]).toMatchObject({ price: { id: large.id }, current_period_end: now + 31 * day })
})

test('a downgrade is credited with the next invoice', async () => {
  const { customer, small, large, advance } = await prepare()
  const subscription = await subscribe(customer.id, large.id)
  await advance(15 * day + day / 2)
  await at.stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0]!.id, price: small.id }],
  })
  const pending = await at.stripe.invoiceItems.list({ customer: customer.id, pending: true })
  expect(pending.data.reduce((sum, { amount }) => sum + amount, 0)).toBe(-35_000)
  await advance(32 * day)
  const [invoice] = (await at.stripe.invoices.list({ customer: customer.id, limit: 1 })).data
  expect(invoice).toMatchObject({ total: -5100, amount_due: 0, status: 'paid', ending_balance: -5100 })
  expect((await at.stripe.customers.retrieve(customer.id)) as Stripe.Customer).toMatchObject({
    balance: -5100,
  })
})

test('cancelling: at the end of the period, taken back, and now', async () => {
  const { customer, small, advance } = await prepare()
  const subscription = await subscribe(customer.id, small.id)
  const ending = await at.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true })
  expect(ending).toMatchObject({ status: 'active', cancel_at_period_end: true, cancel_at: now + 31 * day })
  const back = await at.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false })
  expect(back).toMatchObject({ cancel_at: null, canceled_at: null })
  await at.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true })
  await at.types()
  await advance(31 * day + 10)
  expect(await at.types()).toContain('customer.subscription.deleted')
  const other = await subscribe(customer.id, small.id)
  await advance(33 * day)
  const ended = await at.stripe.subscriptions.cancel(other.id, { prorate: true, invoice_now: true })
  expect(ended.status).toBe('canceled')
  expect((await refusal(at.stripe.subscriptions.cancel(other.id))).statusCode).toBe(400)
})

test('an invoice of one’s own: items, finalize, hosted page, void', async () => {
  const { customer } = await prepare()
  await at.stripe.invoiceItems.create({
    customer: customer.id,
    amount: 1250,
    currency: 'usd',
    description: 'Editing',
  })
  const draft = await at.stripe.invoices.create({
    customer: customer.id,
    currency: 'usd',
    pending_invoice_items_behavior: 'include',
  })
  await at.stripe.invoiceItems.create({
    customer: customer.id,
    amount: 750,
    currency: 'usd',
    description: 'Colour',
    invoice: draft.id!,
  })
  const final = await at.stripe.invoices.finalizeInvoice(draft.id!)
  expect(final).toMatchObject({ status: 'open', total: 2000 })
  const page = await fetch(final.hosted_invoice_url!, {
    method: 'POST',
    body: new URLSearchParams({ number: '4242424242424242' }),
  })
  expect(await page.text()).toContain('paid')
  const pdf = await fetch(final.invoice_pdf!)
  expect((await pdf.text()).slice(0, 5)).toBe('%PDF-')
  await at.stripe.invoiceItems.create({ customer: customer.id, amount: 100, currency: 'usd' })
  const other = await at.stripe.invoices.create({
    customer: customer.id,
    currency: 'usd',
    pending_invoice_items_behavior: 'include',
  })
  await at.stripe.invoices.finalizeInvoice(other.id!)
  expect((await at.stripe.invoices.voidInvoice(other.id!)).status).toBe('void')
})

test('credit of a customer pays before the card', async () => {
  const { customer, small } = await prepare()
  await at.stripe.customers.createBalanceTransaction(customer.id, { amount: -10_000, currency: 'thb' })
  const subscription = await subscribe(customer.id, small.id)
  expect(subscription.latest_invoice).toMatchObject({
    total: 29_900,
    amount_due: 19_900,
    amount_paid: 19_900,
  })
})

test('a coupon takes a share off the first invoice only', async () => {
  const { customer, small, advance } = await prepare()
  const coupon = await at.stripe.coupons.create({ percent_off: 50, duration: 'once' })
  const subscription = await subscribe(customer.id, small.id, { discounts: [{ coupon: coupon.id }] })
  expect(subscription.latest_invoice).toMatchObject({ subtotal: 29_900, total: 14_950 })
  await advance(32 * day)
  expect((await at.stripe.invoices.list({ customer: customer.id, limit: 1 })).data[0]).toMatchObject({
    total: 29_900,
  })
})

test('the portal ends a subscription with its period, and changes the card', async () => {
  const { customer, small } = await prepare()
  const subscription = await subscribe(customer.id, small.id)
  const portal = await at.stripe.billingPortal.sessions.create({
    customer: customer.id,
    return_url: 'https://x.example/',
  })
  await fetch(portal.url, {
    method: 'POST',
    body: new URLSearchParams({ do: 'cancel', subscription: subscription.id }),
    redirect: 'manual',
  })
  expect((await at.stripe.subscriptions.retrieve(subscription.id)).cancel_at_period_end).toBe(true)
  await fetch(portal.url, {
    method: 'POST',
    body: new URLSearchParams({ do: 'card', number: '5555555555554444' }),
    redirect: 'manual',
  })
  const changed = await at.stripe.subscriptions.retrieve(subscription.id, {
    expand: ['default_payment_method'],
  })
  expect((changed.default_payment_method as Stripe.PaymentMethod).card?.brand).toBe('mastercard')
})

test('a subscription from the hosted page', async () => {
  const { small } = await prepare()
  const session = await at.stripe.checkout.sessions.create({
    mode: 'subscription',
    success_url: 'https://x.example/',
    line_items: [{ price: small.id, quantity: 1 }],
    subscription_data: { trial_period_days: 14, metadata: { user: 'u1' } },
  })
  at.simulator.payCheckout(session.id, { email: 'new@example.com' })
  const done = await at.stripe.checkout.sessions.retrieve(session.id, {
    expand: ['subscription', 'customer'],
  })
  expect(done).toMatchObject({
    status: 'complete',
    payment_status: 'no_payment_required',
    customer: { email: 'new@example.com' },
  })
  expect(done.subscription).toMatchObject({ status: 'trialing', metadata: { user: 'u1' } })
})
