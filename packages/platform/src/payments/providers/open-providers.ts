import type { PaymentSettings } from '../settings.ts'
import type { PaymentProvider } from './payment-provider.ts'
import { createRazorpay, type RazorpayProvider } from './razorpay/razorpay-provider.ts'
import { createStripe } from './stripe/stripe-provider.ts'

export interface Providers {
  readonly all: ReadonlyMap<string, PaymentProvider>
  readonly razorpay: RazorpayProvider | undefined
}

/** The providers whose keys are set. Their SDKs are loaded when they are first called. */
export function openProviders({ stripe, razorpay }: PaymentSettings, system: string): Providers {
  const all = new Map<string, PaymentProvider>()
  if (stripe.secretKey) {
    const { secretKey, webhookSecret, baseUrl } = stripe
    all.set('stripe', createStripe({ secretKey, webhookSecret, baseUrl }, system))
  }
  const { keyId, keySecret, webhookSecret, baseUrl } = razorpay
  const opened = keyId && keySecret ? createRazorpay({ keyId, keySecret, webhookSecret, baseUrl }) : undefined
  if (opened) all.set('razorpay', opened)
  return { all, razorpay: opened }
}
