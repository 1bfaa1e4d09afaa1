import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { flags } from '@plinth/platform/flags'
import { keys } from '@plinth/platform/keys'
import { kv } from '@plinth/platform/kv'
import { notifications } from '@plinth/platform/notifications'
import { payments } from '@plinth/platform/payments'
import { defineSystem } from '@plinth/platform/system'

/** Everybody who is signed in may do anything with files, so that requests come further than the policies. */
const policies = `
  create policy everybody on storage.objects to authenticated using (true) with check (true);
  insert into storage.buckets (id, name, public) values ('open', 'open', true), ('closed', 'closed', false);`

/** A system with nothing of its own and every capability that answers requests. */
export const everything = defineSystem({
  name: 'everything',
  summary: 'What capabilities answer, for the fuzz.',
  tenant: null,
  uses: [keys({ userKeys: true }), kv(), flags({ shown: { enabled: true } }), notifications(), payments()],
  migrations: async () => ({
    name: 'everything',
    migrations: [{ name: '001_everything', sql: policies, checksum: policies }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: [],
})

/** The same in every run, so that a reproduction stays valid but for its time. */
const secrets = {
  stripe: 'whsec_of_the_fuzz',
  razorpay: 'razorpay-of-the-fuzz',
  twilio: 'twilio-of-the-fuzz',
}
const sendGrid = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Settings of {@link everything}, as the environment gives them: providers with keys that the fuzz knows. */
export const settings: Readonly<Record<string, string>> = {
  PLINTH_EVERYTHING_PAYMENTS_STRIPE_SECRET_KEY: 'sk_test_of_the_fuzz',
  PLINTH_EVERYTHING_PAYMENTS_STRIPE_WEBHOOK_SECRET: secrets.stripe,
  // Nobody listens there: what a webhook makes the server ask for fails at once.
  PLINTH_EVERYTHING_PAYMENTS_STRIPE_BASE_URL: 'http://127.0.0.1:9',
  PLINTH_EVERYTHING_PAYMENTS_RAZORPAY_KEY_ID: 'rzp_test_fuzz',
  PLINTH_EVERYTHING_PAYMENTS_RAZORPAY_KEY_SECRET: 'key-of-the-fuzz',
  PLINTH_EVERYTHING_PAYMENTS_RAZORPAY_WEBHOOK_SECRET: secrets.razorpay,
  PLINTH_EVERYTHING_PAYMENTS_RAZORPAY_BASE_URL: 'http://127.0.0.1:9',
  PLINTH_EVERYTHING_NOTIFICATIONS_TWILIO_ACCOUNT_SID: 'AC0',
  PLINTH_EVERYTHING_NOTIFICATIONS_TWILIO_AUTH_TOKEN: secrets.twilio,
  PLINTH_EVERYTHING_NOTIFICATIONS_TWILIO_FROM: '+15005550006',
  PLINTH_EVERYTHING_NOTIFICATIONS_TWILIO_URL: 'http://127.0.0.1:9',
  PLINTH_EVERYTHING_NOTIFICATIONS_SENDGRID_WEBHOOK_KEY: sendGrid.publicKey
    .export({ format: 'der', type: 'spki' })
    .toString('base64'),
}

const seconds = () => Math.floor(Date.now() / 1000)
const hmac = (key: string, text: string, algorithm = 'sha256') => createHmac(algorithm, key).update(text)

/** Headers with which each provider's webhook is believed, for a body and the address that it is sent to. */
export const signatures: Readonly<
  Record<string, (body: string, url: string) => Readonly<Record<string, string>>>
> = {
  stripe: (body) => {
    const at = seconds()
    return { 'stripe-signature': `t=${at},v1=${hmac(secrets.stripe, `${at}.${body}`).digest('hex')}` }
  },
  razorpay: (body) => ({
    'x-razorpay-signature': hmac(secrets.razorpay, body).digest('hex'),
    'x-razorpay-event-id': hmac('id', body).digest('hex').slice(0, 20),
  }),
  sendgrid: (body) => {
    const at = String(seconds())
    const signed = sign('sha256', Buffer.from(at + body), sendGrid.privateKey)
    return {
      'x-twilio-email-event-webhook-signature': signed.toString('base64'),
      'x-twilio-email-event-webhook-timestamp': at,
    }
  },
  twilio: (body, url) => {
    const fields = [...new URLSearchParams(body)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const text = url + fields.map(([name, value]) => name + value).join('')
    return { 'x-twilio-signature': hmac(secrets.twilio, text, 'sha1').digest('base64') }
  },
}
