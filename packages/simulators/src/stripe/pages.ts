import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import { type Markup, money, page } from '../core/page.ts'
import { type Paid, paySession, planTable } from './checkout.ts'
import { StripeFailure } from './failure.ts'
import { answerAuthentication } from './intents.ts'
import { intentOf, tryInvoice } from './invoices.ts'
import { attachPaymentMethod, makePaymentMethod } from './payment-methods.ts'
import { confirmSetup, failSetup } from './setup-intents.ts'
import { planNext } from './subscriptions.ts'
import type { CheckoutSession, Invoice } from './types.ts'
import { setCancellation } from './update-subscription.ts'
import { change, need, type StripeWorld } from './world.ts'

type App = Hono<{ Bindings: HttpBindings }>

const goodCard = '4242 4242 4242 4242'
const refusedCard = '4000 0000 0000 0002'

/** The pages that Stripe hosts: checkout, the bank’s question, invoices, receipts, the customers’ portal. */
export function createPages(world: StripeWorld): App {
  const app: App = new Hono()
  app.use(async (_, next) => {
    world.simulation.runDue()
    await next()
    world.simulation.changed()
  })
  app.onError((error, call) => {
    const status = error instanceof StripeFailure ? error.status : 500
    return call.html(
      page('Something went wrong', html`<p class="problem">${error.message}</p>`),
      status as 500,
    )
  })
  addCheckout(app, world)
  addAuthentication(app, world)
  addInvoices(app, world)
  addPortal(app, world)
  return app
}

const form = async (call: Context): Promise<Record<string, string>> =>
  Object.fromEntries(new URLSearchParams(await call.req.text()))

const cardField = (number: string) =>
  html`<label>Card number <input name="number" value="${number}" autocomplete="off" /></label>`

const problem = (message: string | undefined): Markup =>
  html`${message ? html`<p class="problem" role="alert">${message}</p>` : ''}`

function addCheckout(app: App, world: StripeWorld): void {
  const find = (call: Context) => need(world.sessions, 'checkout.session', call.req.param('id') ?? '')
  const show = (session: CheckoutSession, message?: string, number = goodCard) => {
    const lines = planTable(world).get(session.id)?.lines ?? []
    return page(
      `Pay ${world.account.name}`,
      html`${problem(message)}
        <table>
          ${lines.map((line) => html`<tr><td>${line.quantity} × ${line.description}</td><td>${money(line.amount_subtotal, line.currency)}</td></tr>`)}
          <tr><td>Total</td><td data-total>${money(session.amount_total, session.currency)}</td></tr>
        </table>
        <form method="post">
          <label>E-mail <input name="email" type="email" value="${session.customer_email ?? world.customers.get(session.customer ?? '')?.email ?? 'customer@example.com'}" /></label>
          <label>Name on card <input name="name" value="Test Customer" /></label>
          ${cardField(number)}
          <button name="do" value="pay">${session.mode === 'payment' ? 'Pay' : session.mode === 'setup' ? 'Save card' : 'Subscribe'}</button>
          <button name="do" value="fail" class="quiet">Pay with a card that is refused</button>
          ${session.cancel_url ? html`<a class="button quiet" data-cancel href="${session.cancel_url}">Cancel</a>` : ''}
        </form>`,
    )
  }
  app.get('/c/pay/:id', (call) => {
    const session = find(call)
    if (session.status === 'open') return call.html(show(session))
    return call.html(page('This checkout is over', html`<p>It is ${session.status}.</p>`))
  })
  app.post('/c/pay/:id', async (call) => {
    const given = await form(call)
    const session = find(call)
    const number = given['do'] === 'fail' ? refusedCard : (given['number'] ?? '')
    const paid = paySession(world, session, { number, email: given['email'], name: given['name'] })
    if (paid.ended === 'refused') return call.html(show(session, paid.message, number))
    if (paid.ended === 'asks') return call.redirect(asking(paid, session, given), 303)
    return call.redirect(afterwards(session), 303)
  })
}

/** The bank asks before there is an intent where a session subscribes or keeps a card: the payer goes along. */
const asking = (
  paid: Paid & { ended: 'asks' },
  session: CheckoutSession,
  given: Record<string, string>,
): string =>
  paid.intent === session.id
    ? `/3ds/${paid.intent}?${new URLSearchParams({ number: given['number'] ?? '', email: given['email'] ?? '', name: given['name'] ?? '' })}`
    : `/3ds/${paid.intent}`

const afterwards = (session: CheckoutSession): string =>
  (session.success_url ?? '/').replaceAll('{CHECKOUT_SESSION_ID}', session.id)

function addAuthentication(app: App, world: StripeWorld): void {
  app.get('/3ds/:id', (call) =>
    call.html(
      page(
        'Your bank asks',
        html`<p>Was it you?</p>
          <form method="post">
            <button name="do" value="agree">Complete</button>
            <button name="do" value="refuse" class="quiet">Fail</button>
          </form>`,
      ),
    ),
  )
  app.post('/3ds/:id', async (call) => {
    const agreed = (await form(call))['do'] === 'agree'
    const id = call.req.param('id')
    const session = world.sessions.get(id)
    if (session)
      return call.redirect(answerForSession(world, session, agreed, new URL(call.req.url).searchParams), 303)
    const setup = world.setup_intents.get(id)
    if (setup) {
      if (agreed) confirmSetup(world, setup, { authenticated: true })
      else
        failSetup(world, setup, {
          code: 'setup_intent_authentication_failure',
          message: 'The card has failed authentication.',
          type: 'invalid_request_error',
        })
      return call.html(page('Thank you', html`<p>You can close this page.</p>`))
    }
    const intent = need(world.payment_intents, 'payment_intent', id)
    const owner = world.sessions.all().find((each) => each.payment_intent === id)
    const back = intent.next_action?.redirect_to_url?.return_url
    const attempt = answerAuthentication(world, intent, agreed)
    if (owner)
      return call.redirect(
        attempt.ended === 'succeeded' ? afterwards(owner) : (owner.url ?? `/c/pay/${owner.id}`),
        303,
      )
    if (!back) return call.html(page('Thank you', html`<p>You can close this page.</p>`))
    const target = new URL(back)
    target.searchParams.set('payment_intent', intent.id)
    target.searchParams.set('payment_intent_client_secret', intent.client_secret ?? '')
    target.searchParams.set('redirect_status', attempt.ended === 'succeeded' ? 'succeeded' : 'failed')
    return call.redirect(target.href, 303)
  })
}

function answerForSession(
  world: StripeWorld,
  session: CheckoutSession,
  agreed: boolean,
  payer: URLSearchParams,
): string {
  if (!agreed) return session.url ?? `/c/pay/${session.id}`
  const paid = paySession(world, session, {
    number: payer.get('number') ?? '',
    email: payer.get('email') ?? undefined,
    name: payer.get('name') ?? undefined,
    authenticated: true,
  })
  return paid.ended === 'done' ? afterwards(session) : (session.url ?? `/c/pay/${session.id}`)
}

function addInvoices(app: App, world: StripeWorld): void {
  const find = (call: Context) => need(world.invoices, 'invoice', call.req.param('id') ?? '')
  const show = (invoice: Invoice, message?: string) =>
    page(
      `Invoice ${invoice.number ?? ''}`,
      html`${problem(message)}
        <table>
          ${invoice.lines.data.map((line) => html`<tr><td>${line.description}</td><td>${money(line.amount, line.currency)}</td></tr>`)}
          <tr><td>Due</td><td>${money(invoice.amount_due, invoice.currency)}</td></tr>
        </table>
        <p data-status>${invoice.status}</p>
        ${invoice.status === 'open' ? html`<form method="post">${cardField(goodCard)}<button>Pay</button></form>` : ''}
        <p><a href="/i/${invoice.id}/pdf">PDF</a></p>`,
    )
  app.get('/i/:id', (call) => call.html(show(find(call))))
  app.post('/i/:id', async (call) => {
    const given = await form(call)
    const invoice = find(call)
    if (invoice.status !== 'open') return call.html(show(invoice))
    const method = makePaymentMethod(world, { type: 'card', card: { number: given['number'] ?? '' } })
    const attempt = tryInvoice(world, invoice, { method: method.id, offSession: false })
    if (attempt?.ended === 'requires action')
      return call.redirect(`/3ds/${intentOf(world, invoice)!.id}`, 303)
    return call.html(show(invoice, attempt?.ended === 'refused' ? attempt.failure.message : undefined))
  })
  app.get('/i/:id/pdf', (call) => {
    const invoice = find(call)
    const lines = [
      `${world.account.name}: invoice ${invoice.number ?? ''}`,
      ...invoice.lines.data.map((line) => `${line.description}   ${money(line.amount, line.currency)}`),
      `Total ${money(invoice.total, invoice.currency)}, paid ${money(invoice.amount_paid, invoice.currency)}`,
    ]
    return call.body(makePdf(lines), 200, { 'content-type': 'application/pdf' })
  })
  app.get('/receipts/:id', (call) => {
    const charge = need(world.charges, 'charge', call.req.param('id'))
    return call.html(
      page(
        `Receipt of ${world.account.name}`,
        html`<p>${money(charge.amount_captured, charge.currency)} paid by ${charge.payment_method_details?.card?.brand} ending in
          ${charge.payment_method_details?.card?.last4}. ${charge.description ?? ''}</p>
          ${charge.amount_refunded > 0 ? html`<p>${money(charge.amount_refunded, charge.currency)} refunded.</p>` : ''}`,
      ),
    )
  })
}

/** The smallest document of one page that a reader opens. */
function makePdf(lines: readonly string[]): string {
  const text = lines
    .map((line) => `(${line.replace(/[^\x20-\x7e]/g, '?').replace(/[()\\]/g, '\\$&')}) Tj T*`)
    .join('\n')
  const content = `BT /F1 11 Tf 16 TL 50 780 Td\n${text}\nET`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  let document = '%PDF-1.4\n'
  const places = objects.map((object, at) => {
    const place = document.length
    document += `${at + 1} 0 obj\n${object}\nendobj\n`
    return place
  })
  const start = document.length
  const table = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')
  return `${document}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer << /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF`
}

function addPortal(app: App, world: StripeWorld): void {
  const open = (call: Context) => {
    const session = need(world.portal_sessions, 'portal session', call.req.param('id') ?? '')
    return { session, customer: need(world.customers, 'customer', session.customer) }
  }
  app.get('/p/session/:id', (call) => {
    const { session, customer } = open(call)
    const own = world.subscriptions
      .all()
      .filter((each) => each.customer === customer.id && each.status !== 'canceled')
    const invoices = world.invoices
      .all()
      .filter((each) => each.customer === customer.id && each.hosted_invoice_url)
    return call.html(
      page(
        `${customer.name ?? customer.email ?? 'Customer'}: billing`,
        html`${own.map(
          (each) => html`<form method="post" data-subscription="${each.id}">
            <input type="hidden" name="subscription" value="${each.id}" />
            <p>${each.items.data.map((item) => world.products.get(item.price.product)?.name).join(', ')}: <b data-status>${each.cancel_at_period_end ? 'ends with the period' : each.status}</b></p>
            ${
              each.cancel_at_period_end
                ? html`<button name="do" value="keep">Do not cancel</button>`
                : html`<button name="do" value="cancel" class="quiet">Cancel at the end of the period</button>`
            }
          </form>`,
        )}
          <form method="post">${cardField(goodCard)}<button name="do" value="card">Pay with this card from now on</button></form>
          ${invoices.map((each) => html`<p><a href="${each.hosted_invoice_url}">${each.number}</a>: ${money(each.total, each.currency)}, ${each.status}</p>`)}
          ${session.return_url ? html`<a class="button quiet" data-return href="${session.return_url}">Return</a>` : ''}`,
      ),
    )
  })
  app.post('/p/session/:id', async (call) => {
    const { customer } = open(call)
    const given = await form(call)
    world.inTimeOf(customer.id, () => {
      if (given['do'] === 'card') return keepCard(world, customer.id, given['number'] ?? '')
      const subscription = need(world.subscriptions, 'subscription', given['subscription'] ?? '')
      if (subscription.customer !== customer.id)
        throw new StripeFailure(403, { message: 'It is not this customer’s.' })
      const before = structuredClone(subscription)
      setCancellation(world, subscription, { cancel_at_period_end: given['do'] === 'cancel' })
      planNext(world, subscription)
      const { cancel_at, cancel_at_period_end, canceled_at, cancellation_details } = before
      world.emit('customer.subscription.updated', subscription, {
        cancel_at,
        cancel_at_period_end,
        canceled_at,
        cancellation_details,
      })
    })
    return call.redirect(new URL(call.req.url).pathname, 303)
  })
}

function keepCard(world: StripeWorld, customer: string, number: string): void {
  const method = makePaymentMethod(world, { type: 'card', card: { number } })
  attachPaymentMethod(world, method, customer)
  const owner = need(world.customers, 'customer', customer)
  const settings = { ...owner.invoice_settings, default_payment_method: method.id }
  world.emit('customer.updated', owner, change(owner, { invoice_settings: settings }))
  for (const each of world.subscriptions.all())
    if (each.customer === customer && each.status !== 'canceled') each.default_payment_method = method.id
}
