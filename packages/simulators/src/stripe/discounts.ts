import { z } from 'zod'
import { addMonths } from '../core/billing-periods.ts'
import { invalid } from './failure.ts'
import { text } from './params.ts'
import type { Coupon, Discount } from './types.ts'
import { need, type StripeWorld } from './world.ts'

/** How calls name discounts. */
export const discountGiven = z.strictObject({ coupon: text.optional(), promotion_code: text.optional() })
type Given = z.output<typeof discountGiven>

/** The coupon that a call means, by itself or by a code that customers type. */
export function couponOf(world: StripeWorld, given: Given): Coupon {
  const code = given.promotion_code
    ? need(world.promotion_codes, 'promotion code', given.promotion_code, 'discounts[0][promotion_code]')
    : undefined
  if (code && !code.active)
    throw invalid('This promotion code is not active.', { param: 'discounts[0][promotion_code]' })
  const id = code?.promotion.coupon ?? given.coupon
  if (!id) throw invalid('A discount needs a coupon or a promotion_code.', { param: 'discounts' })
  const coupon = need(world.coupons, 'coupon', id, 'discounts[0][coupon]')
  if (!coupon.valid || (coupon.redeem_by !== null && coupon.redeem_by < world.seconds()))
    throw invalid(`Coupon expired: ${coupon.id}`, { code: 'coupon_expired', param: 'discounts[0][coupon]' })
  return coupon
}

/** Uses a coupon for a subscription or a session. */
export function redeem(
  world: StripeWorld,
  given: Given,
  owner: { readonly customer: string | null; readonly subscription?: string; readonly session?: string },
): Discount {
  const coupon = couponOf(world, given)
  const now = world.seconds()
  coupon.times_redeemed += 1
  if (coupon.max_redemptions !== null && coupon.times_redeemed >= coupon.max_redemptions) coupon.valid = false
  const code = world.promotion_codes.get(given.promotion_code ?? '')
  if (code) code.times_redeemed += 1
  return world.discounts.put({
    id: world.id('di'),
    object: 'discount',
    checkout_session: owner.session ?? null,
    customer: owner.customer,
    customer_account: null,
    end: coupon.duration === 'repeating' ? addMonths(now, coupon.duration_in_months ?? 1) : null,
    invoice: null,
    invoice_item: null,
    promotion_code: given.promotion_code ?? null,
    source: { coupon: coupon.id, type: 'coupon' },
    start: now,
    subscription: owner.subscription ?? null,
    subscription_item: null,
  })
}

/** What a coupon takes off an amount, in minor units. */
export function discountOn(amount: number, coupon: Coupon): number {
  if (amount <= 0) return 0
  if (coupon.amount_off !== null) return Math.min(amount, coupon.amount_off)
  return Math.round((amount * (coupon.percent_off ?? 0)) / 100)
}
