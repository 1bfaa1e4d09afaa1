import { type ProjectDatabase, sql } from '@plinth/platform/database'
import type { PersonHooks } from '@plinth/platform/system'

/**
 * What courses know of a person. Registrations, payments and attendance stay as facts of the books; an erasure takes away
 * what says who it was.
 */
export const personData = (database: ProjectDatabase): PersonHooks => ({
  export: async function* (person) {
    const { rows } = await database.asOwner<{ content: string }>(sql`
      select jsonb_build_object(
        'profile', (select to_jsonb(p) from public.profiles p where p.id::text = ${person}),
        'registrations', (select jsonb_agg(to_jsonb(r) - 'checkin_token') from public.registrations r where r.user_id::text = ${person}),
        'attendance', (select jsonb_agg(to_jsonb(a)) from public.session_attendance a where a.user_id::text = ${person}),
        'payment_attempts', (select jsonb_agg(to_jsonb(a)) from public.payment_attempts a where a.user_id::text = ${person}),
        'feedback', (select jsonb_agg(to_jsonb(f)) from public.feedback f where f.user_id::text = ${person}),
        'waitlists', (select jsonb_agg(to_jsonb(w)) from public.event_waitlist w where w.user_id::text = ${person}),
        'referrals', (select jsonb_agg(to_jsonb(f)) from public.referrals f where f.referrer_id::text = ${person} or f.referred_id::text = ${person}),
        'analytics_events', (select jsonb_agg(to_jsonb(e)) from public.analytics_events e where e.user_id::text = ${person})
      )::text as content
      where exists (select from public.profiles p where p.id::text = ${person})`)
    if (rows[0]) yield { path: 'courses.json', content: rows[0].content }
  },
  erase: async (person, { query }) => {
    await query(
      sql`update public.registrations set attendee_name = '', device_id = null where user_id::text = ${person}`,
    )
    await query(
      sql`update public.session_attendance set ip_address = null, user_agent = null where user_id::text = ${person}`,
    )
    // What Razorpay told of their payments names their address and number.
    await query(sql`
      update public.webhook_logs w set payload = jsonb_build_object('event', w.event_type)
      where w.payload #>> '{payload,payment,entity,order_id}' in (
        select razorpay_order_id from public.payment_transactions where user_id::text = ${person})`)
    await query(sql`delete from public.payment_attempts where user_id::text = ${person}`)
    await query(sql`delete from public.analytics_events where user_id::text = ${person}`)
    await query(sql`
      update public.registration_transfers set to_email = 'erased@' || id
      where to_user::text = ${person} or to_email = (select lower(email) from auth.users where id::text = ${person})`)
    await query(sql`
      update public.profiles set full_name = '', phone = null, billing_name = null, billing_state = null, gstin = null
      where id::text = ${person}`)
  },
})
