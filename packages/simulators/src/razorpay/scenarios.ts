import type { Scenarios, Story } from '../core/admin.ts'
import { makePlan } from './api.ts'
import { decideDispute, disputePayment } from './disputes.ts'
import type { Order, Payment } from './entities.ts'
import { makeOrder } from './orders.ts'
import { authorizeLate, payOrder } from './payments.ts'
import { refundByCall } from './refunds.ts'
import { authenticate, cancelSubscription, chargeSubscription, makeSubscription } from './subscriptions.ts'
import type { RazorpayWorld } from './world.ts'

/** Whole stories, each with the events that Razorpay would send. */
export function razorpayScenarios(world: RazorpayWorld): Scenarios {
  const pay = (story: Story, outcome: 'succeeds' | 'fails' | 'late' = 'succeeds') => {
    const order = openOrder(world, story)
    return { order, payment: payOrder(world, order, { outcome, notes: story.metadata }) }
  }
  return {
    'payment.captured': (story) => void pay(story),
    'payment.failed': (story) => void pay(story, 'fails'),
    'payment.failed_then_captured': (story) => {
      const { order } = pay(story, 'fails')
      payOrder(world, order, { outcome: 'succeeds', notes: story.metadata })
    },
    'payment.late_authorized': (story) => authorizeLate(world, pay(story, 'late').payment),
    'payment.paid_twice': (story) => {
      const { order, payment } = pay(story, 'fails')
      payOrder(world, order, { outcome: 'succeeds', notes: story.metadata })
      authorizeLate(world, payment)
    },
    'payment.dispute_lost': (story) => void dispute(world, pay(story).payment, 'lost'),
    'payment.dispute_won': (story) => void dispute(world, pay(story).payment, 'won'),
    'refund.full': (story) => void refundByCall(world, pay(story).payment, {}),
    'refund.partial': (story) => {
      const { payment } = pay(story)
      refundByCall(world, payment, { amount: Math.max(100, Math.ceil(payment.amount / 3)) })
    },
    'subscription.charged': (story) => void subscribe(world, story),
    'subscription.halted': (story) => {
      const subscription = subscribe(world, story)
      for (let charge = 0; charge < 4; charge += 1) {
        world.mandates.put({ id: subscription.id, paying: 'fails', failures: charge })
        chargeSubscription(world, subscription)
      }
    },
    'subscription.cancelled': (story) => void cancelSubscription(world, subscribe(world, story), false),
  }
}

const openOrder = (world: RazorpayWorld, { amount, currency, metadata }: Story): Order =>
  makeOrder(world, {
    amount: Math.max(100, amount),
    currency: currency === 'usd' ? 'INR' : currency.toUpperCase(),
    receipt: metadata['receipt'] ?? null,
    notes: metadata,
  })

const dispute = (world: RazorpayWorld, payment: Payment, outcome: 'won' | 'lost') =>
  decideDispute(world, disputePayment(world, payment), outcome)

function subscribe(world: RazorpayWorld, { amount, metadata }: Story) {
  const plan = makePlan(world, {
    period: 'monthly',
    interval: 1,
    item: { name: 'Simulated plan', amount: Math.max(100, amount), currency: 'INR' },
  })
  const subscription = makeSubscription(world, { plan_id: plan.id, total_count: 12, notes: metadata })
  authenticate(world, subscription, { outcome: 'succeeds' })
  return subscription
}
