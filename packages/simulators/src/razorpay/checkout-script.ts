/**
 * What a page loads in place of https://checkout.razorpay.com/v1/checkout.js: the same constructor, options, events and
 * handler, and a box with a button for each outcome. The box is in a shadow root, so that the page's styles do not reach it.
 */
export const checkoutScript = `(() => {
  'use strict'
  const base = new URL(document.currentScript.src).origin

  class Razorpay {
    constructor(options) {
      if (!options || !options.key) throw new Error('No key passed')
      this.options = options
      this.listeners = {}
    }

    on(event, listener) {
      ;(this.listeners[event] ||= []).push(listener)
      return this
    }

    async open() {
      const { order_id = '', subscription_id = '' } = this.options
      const asked = await fetch(base + '/v1/checkout/bill?' + new URLSearchParams({ order_id, subscription_id }))
      const bill = await asked.json()
      this.host = document.createElement('div')
      this.host.dataset.razorpay = ''
      const root = this.host.attachShadow({ mode: 'open' })
      root.innerHTML = \`
        <style>
          div { position: fixed; inset: 0; background: #0008; display: grid; place-items: center; z-index: 2147483647; font: 16px system-ui }
          section { background: #fff; color: #111; padding: 1.5rem; border-radius: .5rem; min-width: 18rem }
          button { display: block; width: 100%; margin: .5rem 0; padding: .6rem; font: inherit; cursor: pointer }
          p { margin: .5rem 0 }
        </style>
        <div role="dialog" aria-label="Razorpay checkout"><section>
          <p data-name></p><p data-amount></p><p data-problem role="alert"></p>
          <button data-pay="card">Pay by card</button>
          <button data-pay="upi">Pay by UPI</button>
          <button data-pay="netbanking">Pay by netbanking</button>
          <button data-fail>Fail</button>
          <button data-late>Fail now, authorise later</button>
          <button data-close>Close</button>
          <p>Simulator of Plinth: no money moves here.</p>
        </section></div>\`
      const say = (name, text) => { root.querySelector('[data-' + name + ']').textContent = text || '' }
      say('name', this.options.name)
      say('amount', bill.error ? bill.error.description : (bill.amount / 100).toFixed(2) + ' ' + bill.currency)
      for (const button of root.querySelectorAll('[data-pay]'))
        button.onclick = () => this.attempt({ outcome: 'succeeds', method: button.dataset.pay }, say)
      root.querySelector('[data-fail]').onclick = () => this.attempt({ outcome: 'fails' }, say)
      root.querySelector('[data-late]').onclick = () => this.attempt({ outcome: 'late' }, say)
      root.querySelector('[data-close]').onclick = () => {
        this.close()
        this.options.modal?.ondismiss?.()
      }
      document.body.append(this.host)
    }

    close() {
      this.host?.remove()
    }

    async attempt(wish, say) {
      const { key, order_id, subscription_id, prefill, notes, description } = this.options
      const answered = await fetch(base + '/v1/checkout/attempt', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key, order_id, subscription_id, prefill, notes, description, ...wish }),
      })
      const { ok, response, error } = await answered.json()
      if (!ok) {
        say('problem', error.description)
        for (const listener of this.listeners['payment.failed'] || []) listener({ error })
        return
      }
      this.close()
      if (this.options.callback_url && (this.options.redirect || !this.options.handler)) return this.post(response)
      this.options.handler?.(response)
    }

    post(fields) {
      const form = document.createElement('form')
      form.method = 'post'
      form.action = this.options.callback_url
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement('input')
        Object.assign(input, { type: 'hidden', name, value })
        form.append(input)
      }
      document.body.append(form)
      form.submit()
    }
  }

  window.Razorpay = Razorpay
})()
`
