import type Stripe from 'stripe'
import { expect, test } from 'vitest'
import { refusal, useStripe } from './use-stripe.ts'

const at = useStripe()

const pay = (payment_method: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  at.stripe.paymentIntents.create({ amount: 2000, currency: 'usd', payment_method, confirm: true, ...more })

test('a payment at the hosted page, from session to balance', async () => {
  const session = await at.stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: 'https://shop.example/done?session={CHECKOUT_SESSION_ID}',
    line_items: [
      {
        price_data: { currency: 'thb', unit_amount: 19_900, product_data: { name: 'Credits' } },
        quantity: 2,
      },
    ],
    metadata: { order: 'ORD-1' },
  })
  expect(session).toMatchObject({
    status: 'open',
    payment_status: 'unpaid',
    amount_total: 39_800,
    currency: 'thb',
  })
  await at.types()
  expect(at.simulator.payCheckout(session.id, { email: 'a@example.com' })).toEqual({ ended: 'done' })
  expect(await at.types()).toEqual([
    'payment_intent.created',
    'charge.succeeded',
    'charge.updated',
    'payment_intent.succeeded',
    'checkout.session.completed',
  ])
  const expand = ['line_items', 'payment_intent.latest_charge.balance_transaction']
  const paid = await at.stripe.checkout.sessions.retrieve(session.id, { expand })
  expect(paid).toMatchObject({ status: 'complete', payment_status: 'paid', metadata: { order: 'ORD-1' } })
  const charge = (paid.payment_intent as Stripe.PaymentIntent).latest_charge as Stripe.Charge
  expect(charge.outcome).toMatchObject({ risk_level: 'normal', type: 'authorized' })
  expect(charge.balance_transaction).toMatchObject({
    amount: 39_800,
    fee: 1184,
    net: 38_616,
    status: 'pending',
  })
  expect(paid.line_items?.data[0]).toMatchObject({ quantity: 2, amount_total: 39_800 })
})

test('a session that nobody pays expires, and a refused card leaves it open', async () => {
  const line_items = [
    { price_data: { currency: 'usd', unit_amount: 500, product_data: { name: 'x' } }, quantity: 1 },
  ]
  const session = await at.stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: 'https://x.example/',
    line_items,
  })
  expect(at.simulator.payCheckout(session.id, { number: '4000 0000 0000 9995' })).toEqual({
    ended: 'refused',
    message: 'Your card has insufficient funds.',
  })
  expect((await at.stripe.checkout.sessions.retrieve(session.id)).status).toBe('open')
  await at.types()
  await at.simulator.advance(24 * 3_600_000 + 1000)
  expect(await at.types()).toEqual(['checkout.session.expired'])
  expect((await refusal(at.stripe.checkout.sessions.expire(session.id))).statusCode).toBe(400)
})

test.each([
  ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
  ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
  ['pm_card_chargeDeclinedExpiredCard', 'expired_card', undefined],
  ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', undefined],
  ['pm_card_radarBlock', 'card_declined', 'fraudulent'],
])('%s is refused as %s', async (card, code, decline) => {
  const error = await refusal(pay(card))
  expect(error).toMatchObject({ type: 'StripeCardError', statusCode: 402, code })
  expect(error.decline_code).toBe(decline ?? '')
  expect(error.payment_intent).toMatchObject({
    status: 'requires_payment_method',
    last_payment_error: { code },
  })
  const charge = await at.stripe.charges.retrieve(error.payment_intent?.latest_charge as string)
  expect(charge).toMatchObject({
    status: 'failed',
    paid: false,
    failure_code: code,
    balance_transaction: null,
  })
})

test('Radar says how risky a payment is', async () => {
  const elevated = await pay('pm_card_riskLevelElevated', { expand: ['latest_charge'] })
  expect((elevated.latest_charge as Stripe.Charge).outcome).toMatchObject({
    risk_level: 'elevated',
    type: 'manual_review',
  })
  const blocked = await refusal(pay('pm_card_radarBlock'))
  const charge = await at.stripe.charges.retrieve(blocked.payment_intent?.latest_charge as string)
  expect(charge.outcome).toMatchObject({ risk_level: 'highest', type: 'blocked' })
})

test('where the bank asks, the payment waits for its owner; who is away is refused', async () => {
  const intent = await pay('pm_card_authenticationRequired', { return_url: 'https://shop.example/back' })
  expect(intent).toMatchObject({ status: 'requires_action', next_action: { type: 'redirect_to_url' } })
  const page = intent.next_action?.redirect_to_url?.url as string
  const answer = await fetch(page, {
    method: 'POST',
    body: new URLSearchParams({ do: 'agree' }),
    redirect: 'manual',
  })
  expect(answer.headers.get('location')).toContain('redirect_status=succeeded')
  expect((await at.stripe.paymentIntents.retrieve(intent.id)).status).toBe('succeeded')
  const away = await refusal(pay('pm_card_authenticationRequired', { off_session: true }))
  expect(away).toMatchObject({ code: 'authentication_required', decline_code: 'authentication_required' })
})

test('a failed authentication fails the payment', async () => {
  const { id, next_action: next } = await pay('pm_card_authenticationRequired', {
    return_url: 'https://shop.example/',
  })
  const page = next?.redirect_to_url?.url as string
  await fetch(page, { method: 'POST', body: new URLSearchParams({ do: 'refuse' }), redirect: 'manual' })
  expect(await at.stripe.paymentIntents.retrieve(id)).toMatchObject({
    status: 'requires_payment_method',
    last_payment_error: { code: 'payment_intent_authentication_failure' },
  })
})

test('authorized money is captured in part, or let go', async () => {
  const intent = await pay('pm_card_visa', { capture_method: 'manual' })
  expect(intent).toMatchObject({ status: 'requires_capture', amount_capturable: 2000, amount_received: 0 })
  const taken = await at.stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1500 })
  expect(taken).toMatchObject({ status: 'succeeded', amount_received: 1500 })
  await at.stripe.refunds.create({ payment_intent: intent.id, amount: 500 })
  expect(await at.stripe.charges.retrieve(intent.latest_charge as string)).toMatchObject({
    amount: 2000,
    amount_captured: 1500,
    amount_refunded: 1000,
    refunded: false,
  })
  const other = await pay('pm_card_visa', { capture_method: 'manual' })
  const ended = await at.stripe.paymentIntents.cancel(other.id, { cancellation_reason: 'abandoned' })
  expect(ended).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' })
  const late = await pay('pm_card_visa', { capture_method: 'manual' })
  await at.simulator.advance(7 * 86_400_000 + 1000)
  expect((await at.stripe.paymentIntents.retrieve(late.id)).status).toBe('canceled')
  expect((await refusal(at.stripe.paymentIntents.capture(late.id))).code).toBe(
    'payment_intent_unexpected_state',
  )
})

test('partial refunds add up to the charge and never above it', async () => {
  const intent = await pay('pm_card_visa')
  await at.types()
  const first = await at.stripe.refunds.create({
    payment_intent: intent.id,
    amount: 700,
    reason: 'requested_by_customer',
  })
  expect(first).toMatchObject({ status: 'succeeded', amount: 700 })
  expect(await at.types()).toEqual(['refund.created', 'charge.refunded'])
  const above = await refusal(at.stripe.refunds.create({ payment_intent: intent.id, amount: 1301 }))
  expect(above.message).toContain('greater than unrefunded amount')
  await at.stripe.refunds.create({ charge: intent.latest_charge as string })
  const charge = await at.stripe.charges.retrieve(intent.latest_charge as string, { expand: ['refunds'] })
  expect(charge).toMatchObject({ amount_refunded: 2000, refunded: true })
  expect(charge.refunds?.data.map(({ amount }) => amount).toSorted()).toEqual([1300, 700])
  expect((await refusal(at.stripe.refunds.create({ payment_intent: intent.id }))).code).toBe(
    'charge_already_refunded',
  )
  const booked = await at.stripe.balanceTransactions.list({ type: 'refund', limit: 2 })
  expect(booked.data.map(({ amount }) => amount)).toEqual([-1300, -700])
})

test('a refund may fail days later, and the money comes back', async () => {
  const intent = await pay('pm_card_refundFail')
  const refund = await at.stripe.refunds.create({ payment_intent: intent.id })
  await at.types()
  await at.simulator.advance(6000)
  expect(await at.types()).toEqual(['refund.updated', 'refund.failed', 'charge.refund.updated'])
  expect(await at.stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'failed' })
  expect((await at.stripe.charges.retrieve(intent.latest_charge as string)).amount_refunded).toBe(0)
})

test('a dispute takes the money and a fee; winning evidence brings both back', async () => {
  const intent = await pay('pm_card_createDispute')
  await at.types()
  await at.simulator.advance(61_000)
  expect(await at.types()).toEqual([
    'charge.updated',
    'charge.dispute.created',
    'charge.dispute.funds_withdrawn',
  ])
  const [dispute] = (await at.stripe.disputes.list({ payment_intent: intent.id })).data
  expect(dispute).toMatchObject({ status: 'needs_response', reason: 'fraudulent', amount: 2000 })
  expect((await refusal(at.stripe.refunds.create({ payment_intent: intent.id }))).code).toBe(
    'charge_disputed',
  )
  const won = await at.stripe.disputes.update(dispute!.id, {
    evidence: { uncategorized_text: 'winning_evidence' },
    submit: true,
  })
  expect(won.status).toBe('won')
  expect(won.balance_transactions.map(({ amount, fee, net }) => [amount, fee, net])).toEqual([
    [-2000, 1500, -3500],
    [2000, -1500, 3500],
  ])
  expect(await at.types()).toEqual([
    'charge.dispute.updated',
    'charge.dispute.funds_reinstated',
    'charge.dispute.closed',
  ])
})

test('a dispute that nobody answers is lost when its time is over', async () => {
  const intent = await pay('pm_card_visa')
  const dispute = at.simulator.dispute(intent.latest_charge as string, 'product_not_received')
  await at.simulator.advance(10 * 86_400_000)
  expect((await at.stripe.disputes.retrieve(dispute.id)).status).toBe('lost')
})

test('a card is kept by a setup intent and by a session, and then pays without its owner', async () => {
  const customer = await at.stripe.customers.create({ email: 'kept@example.com' })
  const setup = await at.stripe.setupIntents.create({
    customer: customer.id,
    payment_method: 'pm_card_authenticationRequiredOnSetup',
    confirm: true,
  })
  expect(setup.status).toBe('requires_action')
  const page = setup.next_action?.use_stripe_sdk?.['stripe_js'] as string
  await fetch(page, { method: 'POST', body: new URLSearchParams({ do: 'agree' }) })
  expect((await at.stripe.setupIntents.retrieve(setup.id)).status).toBe('succeeded')
  const kept = setup.payment_method as string
  const paid = await pay(kept, { customer: customer.id, off_session: true })
  expect(paid.status).toBe('succeeded')
  const session = await at.stripe.checkout.sessions.create({
    mode: 'setup',
    currency: 'usd',
    customer: customer.id,
    success_url: 'https://x.example/',
  })
  at.simulator.payCheckout(session.id, {})
  const methods = await at.stripe.customers.listPaymentMethods(customer.id)
  expect(methods.data).toHaveLength(2)
  expect((await at.stripe.paymentMethods.detach(kept)).customer).toBeNull()
  expect(
    (await refusal(at.stripe.paymentMethods.attach('pm_card_chargeDeclined', { customer: customer.id })))
      .code,
  ).toBe('card_declined')
})

test('coupons and promotion codes take something off a session', async () => {
  const coupon = await at.stripe.coupons.create({ percent_off: 25, duration: 'once' })
  const code = await at.stripe.promotionCodes.create({
    promotion: { type: 'coupon', coupon: coupon.id },
    code: 'SPRING',
  })
  const line_items = [
    { price_data: { currency: 'usd', unit_amount: 999, product_data: { name: 'x' } }, quantity: 1 },
  ]
  const session = await at.stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: 'https://x.example/',
    line_items,
    discounts: [{ promotion_code: code.id }],
  })
  expect(session).toMatchObject({
    amount_subtotal: 999,
    amount_total: 749,
    total_details: { amount_discount: 250 },
  })
})
