import { sql } from '@plinth/platform/database'
import { paymentsOffer } from '@plinth/platform/payments'
import { describe, expect, it } from 'vitest'
import { useBoxOffice } from './open-box-office.ts'

const office = useBoxOffice()
const payments = () => office.system.project.offer(paymentsOffer)

const rowsOf = async <Row extends object>(text: ReturnType<typeof sql>) =>
  (await office.system.database.asOwner<Row & Record<string, unknown>>(text)).rows

const balances = async (tenant: string) =>
  Object.fromEntries(
    (
      await rowsOf<{ name: string; balance: string }>(sql`
        select name, balance from plinth.ledger_accounts where tenant = ${tenant} and balance <> 0 order by name`)
    ).map(({ name, balance }) => [name, Number(balance)]),
  )

async function makeShow(price = 2_500, tax = 200, currency = 'EUR'): Promise<string> {
  const [show] = await rowsOf<{ id: string }>(sql`
    insert into public.shows (title, price, tax, currency) values ('Hamlet', ${price}, ${tax}, ${currency}) returning id`)
  return show!.id
}

/** Begins to pay as the page does; gives the ticket and the Stripe page's session. */
async function buy(show: string) {
  const answer = await fetch(`${office.url}/buy-ticket`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `show=${show}`,
    redirect: 'manual',
  })
  expect(answer.status).toBe(303)
  const [found] = await rowsOf<{ id: string; order: string; session: string }>(sql`
    select t.id, o.id as order, c.object as session from public.tickets t
    join plinth.payment_orders o on o.reference = t.id::text join plinth.payment_checkouts c on c.target = o.id
    where t.show_id = ${show}`)
  return found!
}

/** Everything that Stripe has to tell has arrived, and what follows from it is done. */
async function settle() {
  await office.stripe.webhooks.settled()
  await office.system.jobs.runDue()
  await office.stripe.webhooks.settled()
  await office.system.jobs.runDue()
}

const statusOf = async (order: string) => (await payments().order(order)).status

describe('a ticket that is paid at Stripe', () => {
  it('is paid once, in the ledger and with a receipt, though every webhook comes three times in any order', async () => {
    const show = await makeShow()
    const { id, order, session } = await buy(show)
    office.stripe.webhooks.setRules({ times: 3, shuffle: true })
    office.stripe.payCheckout(session)
    await settle()
    office.stripe.webhooks.setRules({})
    expect(await rowsOf(sql`select status, receipt from public.tickets where id = ${id}`)).toEqual([
      { status: 'paid', receipt: 'RECEIPT-2026-000001' },
    ])
    expect(await payments().order(order)).toMatchObject({ captured: 2_500, discrepancies: [] })
    expect(await balances(show)).toMatchObject({ tickets: -2_300, tax: -200 })
    const pageOf = await fetch(`${office.url}/show-ticket?ticket=${id}`)
    expect(await pageOf.text()).toContain('<p id="status">paid</p>')
  })

  it('is given back in parts, to the last cent, and the requests are done once', async () => {
    const show = await makeShow()
    const { order, session } = await buy(show)
    office.stripe.payCheckout(session)
    await settle()
    for (const [cause, amount] of [
      ['first', 833],
      ['second', 833],
      ['third', 834],
    ] as const) {
      await payments().refund(order, { cause, amount })
      await settle()
    }
    expect(await statusOf(order)).toBe('refunded')
    const left = await balances(show)
    expect(left.tickets).toBeUndefined()
    expect(left.tax).toBeUndefined()
    expect(left.received).toBeUndefined()
  })

  it('is given back once, though the connection breaks after Stripe has done it', async () => {
    const show = await makeShow()
    const { order, session } = await buy(show)
    office.stripe.payCheckout(session)
    await settle()
    office.stripe.faults.add({ method: 'POST', path: '/v1/refunds', hangUp: 'after', times: 2 })
    const request = await payments().refund(order, { cause: 'cut off', amount: 1_000 })
    await office.system.jobs.runDue()
    await office.system.jobs.run('call-payment-provider', { request })
    await settle()
    expect(await payments().order(order)).toMatchObject({ status: 'partially_refunded', refunded: 1_000 })
    const requests = await rowsOf(
      sql`select state, attempts > 1 as again from plinth.payment_requests where target = ${order}`,
    )
    expect(requests).toEqual([{ state: 'done', again: true }])
  })

  it('opens one checkout, though the answer was lost and the button is pressed again', async () => {
    const show = await makeShow()
    office.stripe.faults.add({ method: 'POST', path: '/v1/checkout/sessions', hangUp: 'after', times: 2 })
    const first = await payments().createOrder({
      tenant: show,
      purpose: 'ticket',
      reference: show,
      currency: 'EUR',
      lines: [{ account: 'tickets', kind: 'income', amount: 2_500 }],
    })
    const open = () =>
      payments().checkout(first.id, 'stripe', { title: 'Hamlet', successUrl: 'https://example.test/' })
    await expect(open()).rejects.toMatchObject({ code: 'payment_provider_failed' })
    const again = await open()
    expect(await open()).toEqual(again)
    const sessions = office.stripe.events().filter(({ type }) => type === 'checkout.session.completed')
    office.stripe.payCheckout(again.object)
    await settle()
    expect(await statusOf(first.id)).toBe('paid')
    expect(office.stripe.events().filter(({ type }) => type === 'checkout.session.completed')).toHaveLength(
      sessions.length + 1,
    )
  })

  it('is found when the answer to its checkout was never recorded: the process died', async () => {
    const show = await makeShow()
    const order = await payments().createOrder({
      tenant: show,
      purpose: 'ticket',
      reference: show,
      currency: 'EUR',
      lines: [{ account: 'tickets', kind: 'income', amount: 2_500 }],
    })
    const { object } = await payments().checkout(order.id, 'stripe', {
      title: 'Hamlet',
      successUrl: 'https://example.test/',
    })
    await office.system.database.asOwner(sql`
      update plinth.payment_checkouts set object = null, answer = null where target = ${order.id}`)
    await office.system.database.asOwner(sql`delete from plinth.payment_objects where target = ${order.id}`)
    office.system.clock.advance(180_000)
    await office.system.jobs.run('check-payments')
    expect(await rowsOf(sql`select object from plinth.payment_checkouts where target = ${order.id}`)).toEqual(
      [{ object }],
    )
  })

  it('that its owner takes back is withheld, then lost', async () => {
    const show = await makeShow()
    const { order, session } = await buy(show)
    office.stripe.payCheckout(session)
    await settle()
    const charge = office.stripe.events().findLast(({ type }) => type === 'charge.succeeded')!.data
      .object as { id: string }
    const dispute = office.stripe.dispute(charge.id)
    await settle()
    expect(await payments().order(order)).toMatchObject({ status: 'paid', disputed: 2_500 })
    expect(await balances(show)).toMatchObject({ disputed: 2_500 })
    office.stripe.closeDispute(dispute.id, 'lost')
    await settle()
    expect(await payments().order(order)).toMatchObject({ status: 'refunded', disputed: 0, lost: 2_500 })
    expect((await balances(show)).tickets).toBeUndefined()
  })

  it('is paid when no webhook ever comes, because the page asks', async () => {
    const { order, session } = await buy(await makeShow())
    office.stripe.webhooks.setRules({ hold: true })
    office.stripe.payCheckout(session)
    expect(await statusOf(order)).toBe('open')
    expect((await payments().refresh(order)).status).toBe('paid')
    office.stripe.webhooks.setRules({})
    await office.stripe.webhooks.release()
    await settle()
    expect(await rowsOf(sql`select count(*)::int as n from plinth.documents where key = ${order}`)).toEqual([
      { n: 1 },
    ])
  })

  it('whose webhooks were all lost is found the next day, and so is what only one side knows', async () => {
    const { order, session } = await buy(await makeShow())
    const { order: forged } = await buy(await makeShow())
    office.stripe.webhooks.setRules({ drop: ['*'] })
    office.stripe.payCheckout(session)
    await settle()
    office.stripe.webhooks.setRules({})
    const today = office.system.clock.now().getTime()
    // Told by a webhook that Stripe does not stand for.
    const event = {
      object: 'payment',
      provider: 'stripe',
      id: 'pi_nobody',
      at: today,
      status: 'captured',
      amount: 2_500,
      currency: 'EUR',
      captured: 2_500,
    }
    await office.system.database.asOwner(sql`
      select plinth.receive_payment_fact('stripe', 'evt_nobody', 'nobody', 'webhook', 'payment_intent.succeeded',
        ${new Date(today)}, ${JSON.stringify([event])}, array['pi_nobody'], ${forged})`)
    office.system.clock.advance(86_400_000)
    await office.system.jobs.run('reconcile-payments')
    const found = await rowsOf(sql`
      select problem, target, mended_at is not null as mended from plinth.payment_differences
      where target in (${order}, ${forged}) order by problem`)
    expect(found).toEqual([
      { problem: 'missed_here', target: order, mended: true },
      { problem: 'unknown_there', target: forged, mended: false },
    ])
    expect(await statusOf(order)).toBe('paid')
  })

  it('is for a show that there is', async () => {
    const show = '00000000-0000-4000-8000-000000000000'
    const answer = await office.system.call('buy-ticket', { show })
    expect(answer).toMatchObject({ status: 404, body: { code: 'show_not_found' } })
  })
})
