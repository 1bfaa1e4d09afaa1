import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Stripe from 'stripe'
import { afterEach, expect, test } from 'vitest'
import { startStripe } from '../create-stripe.ts'
import { apiVersion } from '../world.ts'
import { connect, refusal, start, useStripe } from './use-stripe.ts'

const at = useStripe()
afterEach(() => at.simulator.faults.clear())

const create = (stripe: Stripe, key?: string, amount = 500) =>
  stripe.paymentIntents.create(
    { amount, currency: 'usd', payment_method: 'pm_card_visa', confirm: true },
    key ? { idempotencyKey: key } : {},
  )
const charges = async () => (await at.stripe.charges.list({ limit: 100 })).data.length

test('one key and one body give one answer; another body is refused', async () => {
  const before = await charges()
  const first = await create(at.stripe, 'key-1')
  const second = await create(at.stripe, 'key-1')
  expect(second.id).toBe(first.id)
  expect(second.lastResponse.headers).toMatchObject({
    'idempotent-replayed': 'true',
    'original-request': first.lastResponse.requestId,
  })
  expect(await charges()).toBe(before + 1)
  const other = await refusal(create(at.stripe, 'key-1', 600))
  expect(other).toMatchObject({ type: 'StripeIdempotencyError', statusCode: 400 })
})

test('a refused card is kept for its key, a mistaken parameter is not, and a key lives for a day', async () => {
  const decline = () =>
    refusal(
      at.stripe.paymentIntents.create(
        { amount: 100, currency: 'usd', payment_method: 'pm_card_chargeDeclined', confirm: true },
        { idempotencyKey: 'key-2' },
      ),
    )
  const before = await charges()
  expect((await decline()).charge).toBe((await decline()).charge)
  expect(await charges()).toBe(before + 1)
  const mistake = { amount: 'x' as unknown as number, currency: 'usd' }
  expect((await refusal(at.stripe.paymentIntents.create(mistake, { idempotencyKey: 'key-3' }))).code).toBe(
    'parameter_invalid_integer',
  )
  await create(at.stripe, 'key-3')
  const first = await create(at.stripe, 'key-4')
  await at.simulator.advance(24 * 3_600_000)
  expect((await create(at.stripe, 'key-4')).id).not.toBe(first.id)
})

test('a crash after the work and before the answer: the SDK tries again, and the work is done once', async () => {
  const before = await charges()
  at.simulator.faults.add({ method: 'POST', path: '/v1/payment_intents', hangUp: 'after' })
  const intent = await create(connect(at.simulator, 1))
  expect(intent.status).toBe('succeeded')
  expect(await charges()).toBe(before + 1)
  // The SDK tries once more after a connection that ended, even when it was told not to.
  at.simulator.faults.add({ method: 'POST', path: '/v1/payment_intents', hangUp: 'before', times: 2 })
  expect(await refusal(create(at.stripe))).toBeInstanceOf(Stripe.errors.StripeConnectionError)
  expect(await charges()).toBe(before + 1)
})

test('faults: a given error, for so many calls of a path, after so many', async () => {
  at.simulator.faults.add({ path: '/v1/balance*', status: 429, times: 2, after: 1 })
  await at.stripe.balance.retrieve()
  expect(await refusal(at.stripe.balance.retrieve())).toBeInstanceOf(Stripe.errors.StripeRateLimitError)
  expect((await refusal(at.stripe.balance.retrieve())).code).toBe('rate_limit')
  await at.stripe.balance.retrieve()
  at.simulator.faults.add({ status: 500 })
  expect(await refusal(at.stripe.balance.retrieve())).toBeInstanceOf(Stripe.errors.StripeAPIError)
  at.simulator.faults.add({ status: 402, error: { code: 'card_declined', decline_code: 'do_not_honor' } })
  expect(await refusal(create(at.stripe))).toMatchObject({
    type: 'StripeCardError',
    decline_code: 'do_not_honor',
  })
})

test('a key is in use while its answer is late', async () => {
  const before = await charges()
  at.simulator.faults.add({ path: '/v1/payment_intents', slow: 300 })
  const slow = create(at.stripe, 'key-5')
  while ((await charges()) === before);
  expect(await refusal(create(at.stripe, 'key-5'))).toMatchObject({
    statusCode: 409,
    code: 'idempotency_key_in_use',
  })
  const { id } = await slow
  expect((await create(at.stripe, 'key-5')).id).toBe(id)
  expect(await charges()).toBe(before + 1)
})

test('errors: unknown parameters, missing ones, unknown ids, wrong keys, unknown paths', async () => {
  const { stripe } = at
  const unknown = await refusal(stripe.customers.create({ colour: 'red' } as Stripe.CustomerCreateParams))
  expect(unknown).toMatchObject({
    type: 'StripeInvalidRequestError',
    code: 'parameter_unknown',
    param: 'colour',
    statusCode: 400,
  })
  const nested = await refusal(
    stripe.prices.create({
      currency: 'usd',
      unit_amount: 1,
      recurring: { interval_count: 1 } as never,
      product: 'x',
    }),
  )
  expect(nested).toMatchObject({ code: 'parameter_missing', param: 'recurring[interval]' })
  expect(await refusal(stripe.customers.retrieve('cus_none'))).toMatchObject({
    code: 'resource_missing',
    statusCode: 404,
    param: 'id',
  })
  expect(
    await refusal(stripe.paymentIntents.create({ amount: 1, currency: 'usd', customer: 'cus_none' })),
  ).toMatchObject({
    statusCode: 400,
    param: 'customer',
  })
  const stranger = new Stripe('sk_test_wrong', { ...at.simulator.sdkOptions, maxNetworkRetries: 0 })
  expect(await refusal(stranger.balance.retrieve())).toBeInstanceOf(Stripe.errors.StripeAuthenticationError)
  const answer = await fetch(`${at.simulator.url}/v1/nothing`, {
    headers: { authorization: `Bearer ${at.simulator.secretKey}` },
  })
  expect(answer.status).toBe(404)
  expect(
    (
      await refusal(
        stripe.paymentMethods.create({
          type: 'card',
          card: { number: '4111111111111111', exp_month: 1, exp_year: 2030 },
        }),
      )
    ).code,
  ).toBe('incorrect_number')
})

test('lists come newest first, in pages both ways, and the SDK walks through them', async () => {
  const made: string[] = []
  for (let count = 0; count < 25; count += 1)
    made.unshift((await at.stripe.products.create({ name: `p${count}` })).id)
  const walked: string[] = []
  for await (const product of at.stripe.products.list({ limit: 10 })) walked.push(product.id)
  expect(walked.slice(0, 25)).toEqual(made)
  const page = await at.stripe.products.list({ limit: 3, starting_after: made[4]! })
  expect(page).toMatchObject({ has_more: true, url: '/v1/products' })
  expect(page.data.map(({ id }) => id)).toEqual(made.slice(5, 8))
  const back = await at.stripe.products.list({ limit: 3, ending_before: made[4]! })
  expect(back.data.map(({ id }) => id)).toEqual(made.slice(1, 4))
  const none = await at.stripe.products.list({ created: { gt: start / 1000 + 10 * 365 * 86_400 } })
  expect(none.data).toEqual([])
})

test('metadata merges, and an empty value takes a name away', async () => {
  const product = await at.stripe.products.create({ name: 'm', metadata: { a: '1', b: '2', 7: 'seven' } })
  const changed = await at.stripe.products.update(product.id, { metadata: { a: '', c: '3' } })
  expect(changed.metadata).toEqual({ b: '2', c: '3', 7: 'seven' })
})

test('every answer carries a request id and the version; expanding what cannot be is refused', async () => {
  const { lastResponse } = await at.stripe.balance.retrieve()
  expect(lastResponse).toMatchObject({ apiVersion, statusCode: 200 })
  expect(lastResponse.requestId).toMatch(/^req_/)
  expect((await refusal(at.stripe.products.list({ expand: ['data.nothing'] }))).message).toContain(
    'cannot be expanded',
  )
  expect(Stripe.API_VERSION).toBe(apiVersion)
})

test('the same seed and calls give the same ids, and a file keeps a state', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-stripe-'))
  const file = join(folder, 'stripe.json')
  const clock = { now: () => new Date(start) }
  try {
    const ids = []
    for (const options of [{ seed: 'a', file }, { seed: 'a' }, { seed: 'b' }]) {
      const simulator = await startStripe({ clock, ...options })
      ids.push((await create(connect(simulator), 'once')).id)
      await simulator.stop()
    }
    expect(ids[0]).toBe(ids[1])
    expect(ids[0]).not.toBe(ids[2])
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      tables: { charges: [{ object: 'charge' }] },
    })
    const again = await startStripe({ clock, seed: 'a', file })
    const kept = await connect(again).paymentIntents.retrieve(ids[0]!)
    expect(kept.status).toBe('succeeded')
    expect((await create(connect(again), 'once')).id).toBe(kept.id)
    expect((await connect(again).customers.create({})).id).toMatch(/^cus_/)
    await again.stop()
  } finally {
    await rm(folder, { recursive: true })
  }
})
