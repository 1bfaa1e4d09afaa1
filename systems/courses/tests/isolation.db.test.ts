import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { actor, testDatabaseTypes, testIsolation } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { describe } from 'vitest'
import { courses } from '../system.ts'

const test = useSystem(courses)
testDatabaseTypes({ test })

const owner = actor('isolation owner').userId
const past = '2026-01-10T12:00:00Z'

/** The worlds' own rows are live; every draft after them was given up, because one live registration is all there can be. */
const cancelledAfter = (worlds: number) => {
  let made = 0
  return () => {
    made += 1
    return made > worlds ? past : null
  }
}

const eachInTurn = (...values: readonly string[]) => {
  let made = 0
  return () => {
    made += 1
    return values[made % values.length]
  }
}

describe('no role reaches what is not its own (C-O1, AT-29)', () => {
  testIsolation({
    system: courses,
    test,
    overseers: ['admin'],
    open: { events: ['select'], organisation: ['select'] },
    values: {
      events: { starts_at: past },
      organisation: { name: 'A school' },
      event_meetings: { meeting_url: 'https://meet.example.com/1' },
      materials: { url: 'https://example.com/slides' },
      coupons: { code: () => `C-${randomUUID().slice(0, 8).toUpperCase()}`, percent_off: 10 },
      registrations: {
        payment_status: 'completed',
        seated_at: past,
        cancelled_at: cancelledAfter(2),
        coupon_id: null,
      },
      registration_transfers: { to_email: 'somebody@example.com', withdrawn_at: past },
      session_attendance: { check_out_time: '2999-01-01T00:00:00Z', duration_minutes: 0, closed_by: 'self' },
      referrals: { referred_id: null },
      referral_rewards: { kind: 'voucher' },
      payment_transactions: { razorpay_order_id: () => `order_${randomUUID()}` },
      payment_flags: {
        rule: eachInTurn(
          'many_users_of_address',
          'many_users_of_device',
          'many_attempts',
          'many_failures',
          'amount_differs',
          'refund_failed',
        ),
      },
      certificates: {
        verification_token: () => randomBytes(16).toString('hex'),
        revoked_at: cancelledAfter(2),
        revoke_reason: cancelledAfter(2),
      },
      analytics_events: { event_name: 'page_view' },
      webhook_logs: { source: 'razorpay' },
      session_recordings: { processing_status: 'ready', video_url: () => `${randomUUID()}/video.mp4` },
      event_waitlist: { position: 1 },
      push_subscriptions: { kind: 'fcm' },
    },
    members: {
      instructor: ({ userId }) => sql`
        with made as (update public.profiles set is_instructor = true where id = ${userId})
        update public.events set instructor_id = ${userId} where instructor_id = ${owner}`,
      admin: ({ userId }) => sql`update public.profiles set is_admin = true where id = ${userId}`,
    },
  })
})
