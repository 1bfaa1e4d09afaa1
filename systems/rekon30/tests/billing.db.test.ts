import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { rekon30 } from '../system.ts'
import { admin, appointAdmin, ask, askAt, refusal, register } from './rekon30-fixture.ts'

const system = useSystem(rekon30)
const owner = actor('ama')
const rival = actor('kofi')
let adminId: string
let references = 0

interface Business {
  readonly status: string
  readonly payment_status: string
  readonly next_payment_date: string | null
  readonly last_payment_date: string | null
  readonly credit_minor: number
}

beforeAll(async () => {
  adminId = await appointAdmin(system)
})

const newReference = () => {
  references += 1
  return `TXN-${references}`
}

const verify = (
  business: string,
  amount: number,
  instant: string,
  more: { difference?: string; reference?: string } = {},
) =>
  ask<Record<string, unknown>>(
    system.database,
    admin,
    sql`select public.verify_payment(${business}, ${amount}, 'bank_transfer', ${more.reference ?? newReference()},
      ${admin.userId}, null, ${more.difference ?? 'refuse'})`,
    instant,
  )

const stateOf = async (business: string): Promise<Business> =>
  askAt<Business>(
    system.database,
    '',
    sql`select to_jsonb(s) from (select status, payment_status, next_payment_date, last_payment_date, credit_minor
        from public.businesses where id = ${business}) s`,
  )

const advance = (instant: string) => askAt(system.database, instant, sql`select private.advance_billing()`)

describe('payment-verification (R-F4)', () => {
  const body = (business: string, more: object = {}) => ({
    business_id: business,
    payment_amount: 1500,
    payment_method: 'bank_transfer',
    payment_reference: newReference(),
    verified_by: adminId,
    ...more,
  })

  it('switches a business on by its upfront price, and says when the next payment is due', async () => {
    const business = await register(system, owner)
    expect(await stateOf(business)).toMatchObject({ status: 'pending', payment_status: 'pending' })
    const answer = await system.call('payment-verification', body(business), { as: admin })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        success: true,
        payment_type: 'upfront',
        received_amount: 1500,
        payment_status: 'paid',
        status: 'active',
        credit: 0,
      },
    })
    expect(answer.body.next_payment_date).toBe((await stateOf(business)).next_payment_date)
  })

  it('refuses an amount that is not what is due, with both', async () => {
    const business = await register(system, owner, 'pro')
    expect(
      await system.call('payment-verification', body(business, { payment_amount: 200 }), { as: admin }),
    ).toMatchObject({
      status: 400,
      body: {
        success: false,
        code: 'amount_differs',
        expected_amount: 3000,
        received_amount: 200,
        payment_type: 'upfront',
      },
    })
    expect(await stateOf(business)).toMatchObject({ status: 'pending', payment_status: 'pending' })
  })

  it.each([
    ['the owner of the business', owner, {}, 403, 'super_admin_required'],
    ['nobody', 'anon', {}, 401, 'sign_in_required'],
    ['the service key, which acts for nobody', 'service', {}, 403, 'super_admin_required'],
    [
      'a super admin in the name of another',
      admin,
      { verified_by: owner.userId },
      403,
      'verified_by_differs',
    ],
    ['no such business', admin, { business_id: owner.userId }, 404, 'unknown_business'],
    ['parts of a pesewa', admin, { payment_amount: 1500.001 }, 400, 'invalid_payment'],
    ['a payment of tomorrow', admin, { paid_on: '2999-01-01' }, 400, 'invalid_payment'],
    ['nothing', admin, { payment_amount: 0 }, 400, 'invalid_input'],
  ] as const)('refuses %s', async (_, as, more, status, code) => {
    const business = await register(system, owner)
    expect(await system.call('payment-verification', body(business, more), { as })).toMatchObject({
      status,
      body: { success: false, code },
    })
    expect(await stateOf(business)).toMatchObject({ status: 'pending' })
  })

  it('takes a reference once, however it is written and whatever business it is entered for', async () => {
    const [first, second] = [await register(system, owner), await register(system, rival)]
    await verify(first, 1500, '2026-01-10T12:00:00Z', { reference: 'Momo 77' })
    for (const business of [first, second])
      expect(await refusal(verify(business, 1500, '2026-01-10T12:00:00Z', { reference: ' MOMO 77 ' }))).toBe(
        'duplicate_reference PT409',
      )
    expect((await stateOf(second)).status).toBe('pending')
  })

  it('takes one of a hundred at once', async () => {
    const business = await register(system, owner)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        refusal(verify(business, 1500, '2026-01-10T12:00:00Z', { reference: 'at once' })),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'nothing was refused')).toHaveLength(1)
    expect(new Set(outcomes)).toEqual(new Set(['nothing was refused', 'duplicate_reference PT409']))
  })
})

describe('what follows from payments', () => {
  it('months end where they end, and a short one does not shorten those after it', async () => {
    const business = await register(system, owner)
    const dues: (string | null)[] = []
    for (const [amount, instant] of [
      [1500, '2025-08-31T10:00:00Z'],
      [200, '2026-02-20T10:00:00Z'],
      [200, '2026-08-01T10:00:00Z'],
    ] as const) {
      await verify(business, amount, instant)
      dues.push((await stateOf(business)).next_payment_date)
    }
    expect(dues).toEqual(['2026-02-28', '2026-08-31', '2027-02-28'])
  })

  it('less than what is due counts towards it, more towards what comes next', async () => {
    const business = await register(system, owner)
    const credit = { difference: 'credit' }
    await verify(business, 1000, '2026-01-05T10:00:00Z', credit)
    expect(await stateOf(business)).toMatchObject({
      payment_status: 'pending',
      status: 'pending',
      credit_minor: 100_000,
    })
    expect(await refusal(verify(business, 1500, '2026-01-06T10:00:00Z'))).toBe('amount_differs PT400')
    expect(await verify(business, 500, '2026-01-06T10:00:00Z')).toMatchObject({
      expected_amount: 500,
      status: 'active',
    })
    expect(await stateOf(business)).toMatchObject({ next_payment_date: '2026-07-06', credit_minor: 0 })
    await verify(business, 450, '2026-07-01T10:00:00Z', credit)
    expect(await stateOf(business)).toMatchObject({ next_payment_date: '2027-07-06', credit_minor: 5_000 })
  })

  it('a price that changes judges what comes after it', async () => {
    const business = await register(system, owner, 'enterprise')
    await verify(business, 5000, '2026-03-01T10:00:00Z')
    await system.database.asOwner(sql`insert into public.system_settings (setting_key, setting_type, setting_value, effective_from)
      values ('maintenance_price_enterprise', 'number', '900', '2026-09-01')`)
    await verify(business, 800, '2026-08-31T10:00:00Z')
    expect(await refusal(verify(business, 800, '2027-02-01T10:00:00Z'))).toBe('amount_differs PT400')
    await verify(business, 900, '2027-02-01T10:00:00Z')
    expect(await stateOf(business)).toMatchObject({ next_payment_date: '2027-09-01', credit_minor: 0 })
  })

  it('the calendar moves it: reminded, overdue, shut out after the grace, and back by its payment', async () => {
    const business = await register(system, owner)
    const reminders = () =>
      askAt<string>(
        system.database,
        '',
        sql`select string_agg(data ->> 'kind', ',' order by seq) from public.realtime_events
            where business_id = ${business} and event_type = 'payment_reminder'`,
      )
    await system.database.asOwner(
      sql`update public.businesses set email = 'shop@example.com', phone = '+233201234567' where id = ${business}`,
    )
    await verify(business, 1500, '2024-01-10T10:00:00Z')
    const seen: unknown[] = []
    for (const instant of [
      '2024-06-09',
      '2024-06-10',
      '2024-06-11',
      '2024-07-10',
      '2024-07-24',
      '2024-07-25',
      '2024-07-26',
    ]) {
      await advance(`${instant}T12:00:00Z`)
      const { status, payment_status } = await stateOf(business)
      seen.push([instant, status, payment_status, await reminders()])
    }
    expect(seen).toEqual([
      ['2024-06-09', 'active', 'paid', null],
      ['2024-06-10', 'active', 'paid', 'upcoming'],
      ['2024-06-11', 'active', 'paid', 'upcoming'],
      ['2024-07-10', 'active', 'overdue', 'upcoming,overdue'],
      ['2024-07-24', 'active', 'overdue', 'upcoming,overdue'],
      ['2024-07-25', 'inactive', 'overdue', 'upcoming,overdue,switched_off'],
      ['2024-07-26', 'inactive', 'overdue', 'upcoming,overdue,switched_off'],
    ])
    const told = await system.database.asOwner(sql`
      select channel, string_agg(variables ->> 'kind', ',' order by dedupe_key) as kinds, min(variables ->> 'amount') as amount
      from plinth.notifications where dedupe_key like ${`payment-reminder/${business}/%`} group by channel order by channel`)
    const thrice = { kinds: 'overdue,switched_off,upcoming', amount: '200.00' }
    expect(told.rows).toEqual(['email', 'in_app', 'sms'].map((channel) => ({ channel, ...thrice })))
    await verify(business, 200, '2024-09-01T10:00:00Z')
    expect(await stateOf(business)).toMatchObject({
      status: 'active',
      payment_status: 'paid',
      next_payment_date: '2025-03-01',
    })
  })

  it('shut out by an operator, it stays so through payments until it is let in again', async () => {
    const business = await register(system, owner)
    const now = '2026-02-01T10:00:00Z'
    await verify(business, 1500, now)
    const setActive = (isActive: boolean) =>
      ask(
        system.database,
        admin,
        sql`select to_jsonb(public.set_business_status(${business}, ${isActive}, 'asked for'))`,
        now,
      )
    expect(await setActive(false)).toMatchObject({ status: 'inactive', deactivation_reason: 'operator' })
    await verify(business, 200, now)
    expect((await stateOf(business)).status).toBe('inactive')
    expect(await setActive(true)).toMatchObject({ status: 'active', deactivation_reason: null })
    const refused = ask(system.database, owner, sql`select public.set_business_status(${business}, true)`)
    expect(await refusal(refused)).toBe('super_admin_required PT403')
  })
})

describe('reversal (AT-22)', () => {
  it('leaves everything as if the payment had never been entered, whatever came after it', async () => {
    const entry = fc.record({
      amount: fc.constantFrom(200, 250, 1500, 1000, 37.5),
      day: fc.integer({ min: 0, max: 700 }),
      isReversed: fc.boolean(),
    })
    const dayOf = (day: number) => new Date(Date.UTC(2024, 0, 1 + day, 12)).toISOString()
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 8 }), async (given) => {
        const entries = given.toSorted((a, b) => a.day - b.day)
        const [played, oracle] = [await register(system, owner), await register(system, rival)]
        const end = '2026-01-15T12:00:00Z'
        const ids: unknown[] = []
        for (const { amount, day } of entries)
          ids.push((await verify(played, amount, dayOf(day), { difference: 'credit' }))['payment_id'])
        for (const [index, { isReversed }] of entries.entries()) {
          if (!isReversed) continue
          await ask(
            system.database,
            admin,
            sql`select public.reverse_payment(${ids[index]}, 'mistyped')`,
            end,
          )
        }
        for (const { amount, day, isReversed } of entries)
          if (!isReversed) await verify(oracle, amount, dayOf(day), { difference: 'credit' })
        for (const business of [played, oracle])
          await askAt(system.database, end, sql`select private.derive_billing(${business})`)
        expect(await stateOf(played)).toEqual(await stateOf(oracle))
        const totals = (business: string) =>
          askAt(
            system.database,
            '',
            sql`select coalesce(jsonb_agg(jsonb_build_array(month, plan, payment_type, amount_minor)
                order by month, payment_type), '[]') from private.payment_totals where business_id = ${business} and payments > 0`,
          )
        const sum = (rows: unknown) =>
          (rows as [string, string, string, number][]).reduce((all, [, , , n]) => all + n, 0)
        expect(sum(await totals(played))).toBe(sum(await totals(oracle)))
      }),
      { numRuns: process.env['PLINTH_TEST_LONG'] === '1' ? 500 : 12, seed: 30 },
    )
  })

  it('says who and why, happens once, and frees the reference', async () => {
    const business = await register(system, owner)
    const paid = await verify(business, 1500, '2026-01-10T12:00:00Z', { reference: 'typo' })
    const reverse = (reason: string, as = admin) =>
      ask(system.database, as, sql`select public.reverse_payment(${paid['payment_id']}, ${reason})`)
    expect(await refusal(reverse('no'))).toBe('reason_required PT400')
    expect(await refusal(reverse('not mine', owner))).toBe('super_admin_required PT403')
    expect(await reverse('wrong business')).toMatchObject({ payment_status: 'pending', status: 'pending' })
    expect(await refusal(reverse('wrong business'))).toBe('already_reversed PT409')
    const unknown = ask(system.database, admin, sql`select public.reverse_payment(${business}, 'what')`)
    expect(await refusal(unknown)).toBe('unknown_payment PT404')
    await verify(business, 1500, '2026-01-10T12:00:00Z', { reference: 'typo' })
    expect((await stateOf(business)).status).not.toBe('pending')
  })
})

describe('super admins (R-O11)', () => {
  it('never lose the last active one, also when two remove each other', async () => {
    const other = actor('second admin')
    await appointAdmin(system, other)
    const suspend = (by: typeof admin, whom: string) =>
      ask(
        system.database,
        by,
        sql`update public.super_admins set is_active = false where user_id = ${whom} returning true`,
      )
    await Promise.allSettled([suspend(admin, other.userId), suspend(other, admin.userId)])
    const left = await askAt<number>(
      system.database,
      '',
      sql`select count(*)::int from public.super_admins where is_active`,
    )
    expect(left).toBe(1)
    await appointAdmin(system, admin)
    await appointAdmin(system, other)
    await suspend(admin, other.userId)
    expect(await refusal(suspend(admin, admin.userId))).toBe('last_super_admin PT409')
  })
})

describe('settings', () => {
  const add = (key: string, type: string, value: string) =>
    ask(
      system.database,
      admin,
      sql`insert into public.system_settings (setting_key, setting_type, setting_value, effective_from)
          values (${key}, ${type}, ${value}::jsonb, '2030-01-01') returning 1`,
    )

  it('keep their type, and the currency its value', async () => {
    expect(await refusal(add('grace_days', 'text', '"two weeks"'))).toBe('setting_type_differs PT422')
    expect(await refusal(add('grace_days', 'number', '"21"'))).toBe('23514')
    expect(await refusal(add('currency', 'text', '"EUR"'))).toBe('setting_fixed PT422')
    expect(await refusal(add('grace_days', 'number', '21'))).toBe('nothing was refused')
  })
})
