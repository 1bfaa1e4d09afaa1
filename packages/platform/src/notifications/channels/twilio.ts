import { requirePhoneNumber, type SmsTransport } from '../../messages/index.ts'
import { callProvider } from './call-provider.ts'

export interface TwilioOptions {
  readonly accountSid: string
  readonly authToken: string
  /** A number, or the SID of a messaging service (`MG…`). */
  readonly from: string
  /** `https://api.twilio.com`. */
  readonly url: string
  /** Where Twilio reports what became of the message with this key; undefined where it cannot reach the project. */
  callbackUrl(key: string): string | undefined
}

/** Sends SMS by Twilio's Messages. */
export const createTwilio = (options: TwilioOptions): SmsTransport => ({
  name: 'twilio',
  send: async ({ key, to, text }, signal) => {
    const { accountSid, authToken, from, url } = options
    const callback = options.callbackUrl(key)
    const answer = await callProvider({
      provider: 'twilio',
      url: `${url}/2010-04-01/Accounts/${encodeURIComponent(accountSid)}/Messages.json`,
      signal,
      headers: {
        authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({
        To: requirePhoneNumber(to),
        [from.startsWith('MG') ? 'MessagingServiceSid' : 'From']: from,
        Body: text,
        ...(callback ? { StatusCallback: callback } : {}),
      }).toString(),
    })
    return { id: (JSON.parse(answer.text) as { readonly sid?: string }).sid ?? null }
  },
})
