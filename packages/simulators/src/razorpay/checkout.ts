import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { html } from 'hono/html'
import { z } from 'zod'
import { money, page } from '../core/page.ts'
import { checkoutScript } from './checkout-script.ts'
import type { Payment } from './entities.ts'
import { badRequest, RazorpayFailure } from './failure.ts'
import { payOrder, signParts } from './payments.ts'
import { authenticate } from './subscriptions.ts'
import { need, type RazorpayWorld } from './world.ts'

const attemptGiven = z.object({
  key: z.string(),
  order_id: z.string().optional(),
  subscription_id: z.string().optional(),
  outcome: z.enum(['succeeds', 'fails', 'late']),
  method: z.enum(['card', 'upi', 'netbanking']).optional(),
  description: z.string().max(255).optional(),
  prefill: z.object({ email: z.string().optional(), contact: z.coerce.string().optional() }).default({}),
  notes: z.record(z.string(), z.coerce.string()).optional(),
})

export type CheckoutAttempt = z.input<typeof attemptGiven>

/** What a page gets: the three fields that its handler is called with, or why the payment failed. */
export type CheckoutOutcome =
  | { readonly ok: true; readonly response: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly error: Readonly<Record<string, unknown>> }

/** Somebody pays at the checkout of a page. */
export function attemptCheckout(world: RazorpayWorld, keyId: string, wish: CheckoutAttempt): CheckoutOutcome {
  const given = attemptGiven.parse(wish)
  if (given.key !== keyId)
    throw new RazorpayFailure(401, { code: 'BAD_REQUEST_ERROR', description: 'Authentication failed' })
  const { outcome, method, description, notes, prefill } = given
  const attempt = { outcome, method, description, notes, ...prefill }
  if (given.subscription_id) {
    const subscription = need(world.subscriptions, given.subscription_id)
    const payment = authenticate(world, subscription, attempt)
    if (payment.status === 'failed') return failed(payment)
    const razorpay_signature = signParts(world, payment.id, subscription.id)
    return {
      ok: true,
      response: {
        razorpay_payment_id: payment.id,
        razorpay_subscription_id: subscription.id,
        razorpay_signature,
      },
    }
  }
  if (!given.order_id) throw badRequest('The order_id field is required.', 'order_id')
  const order = need(world.orders, given.order_id)
  const payment = payOrder(world, order, attempt)
  if (payment.status === 'failed') return failed(payment)
  const razorpay_signature = signParts(world, order.id, payment.id)
  return {
    ok: true,
    response: { razorpay_payment_id: payment.id, razorpay_order_id: order.id, razorpay_signature },
  }
}

const failed = (payment: Payment): CheckoutOutcome => ({
  ok: false,
  error: {
    code: payment.error_code,
    description: payment.error_description,
    source: payment.error_source,
    step: payment.error_step,
    reason: payment.error_reason,
    metadata: { payment_id: payment.id, order_id: payment.order_id },
  },
})

/** The script of the checkout, what it calls, and the pages of payment links and subscriptions. */
export function createCheckout(world: RazorpayWorld, keyId: string): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.onError((error, call) => {
    const status = error instanceof RazorpayFailure ? error.status : 400
    return call.json({ ok: false, error: { description: error.message } }, status as 400)
  })
  app.get('/v1/checkout.js', (call) =>
    call.body(checkoutScript, 200, {
      'content-type': 'text/javascript; charset=utf-8',
      'cross-origin-resource-policy': 'cross-origin',
    }),
  )
  app.use('/v1/checkout/*', cors())
  app.get('/v1/checkout/bill', (call) => {
    const { order_id: order, subscription_id: subscription } = call.req.query()
    return call.json(subscription ? billOfSubscription(world, subscription) : need(world.orders, order))
  })
  app.post('/v1/checkout/attempt', async (call) => {
    world.simulation.runDue()
    const outcome = attemptCheckout(world, keyId, await call.req.json())
    world.simulation.changed()
    return call.json(outcome)
  })
  app.get('/links/:id', (call) => {
    const link = need(world.links, call.req.param('id'))
    if (link.status !== 'created')
      return call.html(page('This link is over', html`<p data-status>It is ${link.status}.</p>`))
    const callback = link.callback_url ? `/links/${link.id}/back` : ''
    return call.html(
      hostedPage(
        world,
        keyId,
        { order_id: link.order_id },
        { title: link.description || 'Payment', amount: link.amount, currency: link.currency, callback },
      ),
    )
  })
  app.get('/links/:id/back', (call) => {
    const link = need(world.links, call.req.param('id'))
    const [payment] = link.payments ?? []
    const target = new URL(link.callback_url)
    const fields = {
      razorpay_payment_id: payment?.payment_id ?? '',
      razorpay_payment_link_id: link.id,
      razorpay_payment_link_reference_id: link.reference_id,
      razorpay_payment_link_status: link.status,
      razorpay_signature: signParts(
        world,
        link.id,
        link.reference_id,
        link.status,
        payment?.payment_id ?? '',
      ),
    }
    for (const [name, value] of Object.entries(fields)) target.searchParams.set(name, value)
    return call.redirect(target.href, 303)
  })
  app.get('/subscriptions/:id', (call) => {
    const id = call.req.param('id')
    return call.html(
      hostedPage(
        world,
        keyId,
        { subscription_id: id },
        { title: 'Subscription', ...billOfSubscription(world, id), callback: '' },
      ),
    )
  })
  return app
}

function billOfSubscription(world: RazorpayWorld, id: string): { amount: number; currency: string } {
  const subscription = need(world.subscriptions, id)
  const { item } = need(world.plans, subscription.plan_id)
  return { amount: item.amount * subscription.quantity, currency: item.currency }
}

const hostedPage = (
  world: RazorpayWorld,
  keyId: string,
  of: Readonly<Record<string, string>>,
  bill: { title: string; amount: number; currency: string; callback: string },
) =>
  page(
    bill.title,
    html`<p data-total>${money(bill.amount, bill.currency)} to ${world.account.name}</p>
      <button id="open" data-options="${JSON.stringify({ key: keyId, ...of })}" data-callback="${bill.callback}">Pay</button>
      <p id="result"></p>
      <script src="/v1/checkout.js"></script>
      <script>
        const button = document.getElementById('open')
        button.onclick = () =>
          new Razorpay({
            ...JSON.parse(button.dataset.options),
            handler: () => {
              if (button.dataset.callback) location.href = button.dataset.callback
              else document.getElementById('result').textContent = 'Thank you.'
            },
          }).open()
      </script>`,
  )
