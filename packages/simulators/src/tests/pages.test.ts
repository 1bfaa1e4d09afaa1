import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, openBrowser, type Page } from '@plinth/testing/browser'
import { findBrowser } from '@plinth/testing/programs'
import Razorpay from 'razorpay'
import Stripe from 'stripe'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type RazorpaySimulator, type StripeSimulator, startRazorpay, startStripe } from '../index.ts'

/** Where a shop sends its customers back to, and a page of it that uses Razorpay's script. */
async function serveShop(html: string) {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.skipIf(!findBrowser())('pages in a browser', () => {
  let browser: Browser
  let page: Page
  let stripe: StripeSimulator
  let razorpay: RazorpaySimulator
  beforeAll(async () => {
    ;[browser, stripe, razorpay] = await Promise.all([openBrowser(), startStripe(), startRazorpay()])
    page = await browser.newPage()
  })
  afterAll(() => Promise.all([browser?.close(), stripe?.stop(), razorpay?.stop()]))

  it('Stripe: a refused card, the bank’s question, and the way back; then the portal', async () => {
    const shop = await serveShop('<h1>Shop</h1>')
    const sdk = new Stripe(stripe.secretKey, stripe.sdkOptions)
    const session = await sdk.checkout.sessions.create({
      mode: 'payment',
      success_url: `${shop}/done?session={CHECKOUT_SESSION_ID}`,
      cancel_url: `${shop}/cart`,
      line_items: [
        {
          price_data: { currency: 'jpy', unit_amount: 1500, product_data: { name: '<b>Tea</b>' } },
          quantity: 2,
        },
      ],
    })
    await page.goto(session.url!)
    expect(await page.locator('[data-total]').textContent()).toBe('3000 JPY')
    expect(await page.locator('td').first().textContent()).toBe('2 × <b>Tea</b>')
    expect(await page.locator('[data-cancel]').getAttribute('href')).toBe(`${shop}/cart`)
    await page.getByRole('button', { name: 'Pay with a card that is refused' }).click()
    expect(await page.getByRole('alert').textContent()).toBe('Your card was declined.')
    await page.getByLabel('Card number').fill('4000 0027 6000 3184')
    await page.getByRole('button', { name: 'Pay', exact: true }).click()
    await page.getByRole('button', { name: 'Complete' }).click()
    await page.waitForURL(`${shop}/done?session=${session.id}`)
    expect((await sdk.checkout.sessions.retrieve(session.id)).payment_status).toBe('paid')

    const customer = await sdk.customers.create({ name: 'Kofi', payment_method: 'pm_card_visa' })
    const [card] = (await sdk.customers.listPaymentMethods(customer.id)).data
    const price = await sdk.prices.create({
      currency: 'usd',
      unit_amount: 900,
      recurring: { interval: 'month' },
      product_data: { name: 'Pro' },
    })
    const { id } = await sdk.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      default_payment_method: card!.id,
    })
    const portal = await sdk.billingPortal.sessions.create({
      customer: customer.id,
      return_url: `${shop}/account`,
    })
    await page.goto(portal.url)
    await page.getByRole('button', { name: 'Cancel at the end of the period' }).click()
    await page.getByRole('button', { name: 'Do not cancel' }).waitFor()
    expect((await sdk.subscriptions.retrieve(id)).cancel_at_period_end).toBe(true)
    await page.locator('[data-return]').click()
    await page.waitForURL(`${shop}/account`)
  })

  it('Razorpay: the script of a page opens the checkout and calls the handler with what proves the payment', async () => {
    const sdk = new Razorpay({ key_id: razorpay.keyId, key_secret: razorpay.keySecret })
    const { rq } = sdk.api as unknown as { rq: { defaults: { baseURL: string } } }
    rq.defaults.baseURL = razorpay.url
    const order = await sdk.orders.create({ amount: 49_900, currency: 'INR' })
    const options = { key: razorpay.keyId, order_id: order.id, name: 'Courses' }
    const shop = await serveShop(`<button id="buy">Buy</button><p id="log"></p>
      <script src="${razorpay.url}/v1/checkout.js"></script>
      <script>
        const log = (line) => document.getElementById('log').append(JSON.stringify(line) + ' ')
        buy.onclick = () => {
          const checkout = new Razorpay({ ...${JSON.stringify(options)}, handler: log })
          checkout.on('payment.failed', ({ error }) => log(error.reason))
          checkout.open()
        }
      </script>`)
    await page.goto(shop)
    await page.getByRole('button', { name: 'Buy' }).click()
    await page.getByText('499.00 INR').waitFor()
    await page.getByRole('button', { name: 'Fail', exact: true }).click()
    await page.getByText('payment_failed').waitFor()
    await page.getByRole('button', { name: 'Pay by UPI' }).click()
    await page.getByText('razorpay_signature').waitFor()
    const shown = (await page.locator('#log').textContent())!
    const { razorpay_payment_id: payment, razorpay_signature: signature } = JSON.parse(
      shown.slice(shown.indexOf('{')),
    )
    const { validatePaymentVerification } = await import('razorpay/dist/utils/razorpay-utils.js')
    expect(
      validatePaymentVerification({ order_id: order.id, payment_id: payment }, signature, razorpay.keySecret),
    ).toBe(true)
    expect(await sdk.payments.fetch(payment)).toMatchObject({ status: 'captured', method: 'upi' })
    expect(await page.getByRole('dialog').count()).toBe(0)
  })
})
