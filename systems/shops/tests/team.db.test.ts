import { type Caller, sql } from '@plinth/platform/database'
import { actor, service, stranger } from '@plinth/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { openShop, refusal, signUp, useShopDatabase, value } from './shop-fixture.ts'

const test = useShopDatabase()
const owner = actor('owner')
const admin = actor('admin')
const agent = actor('agent')
const guest = actor('guest')
const rival = actor('rival')
let shopId: string

beforeEach(async () => {
  await signUp(test.database, admin, agent, guest, rival)
  shopId = await openShop(test.database, owner)
  await join(admin, 'Admin')
  await join(agent, 'Support Agent')
})

const join = (person: typeof admin, role: string) =>
  test.database.asOwner(
    sql`insert into public.team_members (shop_id, user_id, role) values (${shopId}, ${person.userId}, ${role})`,
  )

interface Invitation {
  readonly id: string
  readonly token: string | null
}

const invite = (caller: Caller, role: string, to: { email?: string; userId?: string }) =>
  value<Invitation>(
    test.database,
    caller,
    sql`select public.invite_member(${shopId}, ${role}, ${to.email ?? null}, ${to.userId ?? null})`,
  )
const answer = (caller: Caller, how: 'accept' | 'decline', { id }: Invitation, token: string | null = null) =>
  test.database.asCaller(caller, { text: `select public.${how}_invitation($1, $2)`, values: [id, token] })
const revoke = (caller: Caller, { id }: Invitation) =>
  test.database.asCaller(caller, sql`select public.revoke_invitation(${id})`)
const leave = (caller: Caller) => test.database.asCaller(caller, sql`select public.leave_shop(${shopId})`)
const roleOf = (person: typeof admin) =>
  value<string | undefined>(
    test.database,
    null,
    sql`select role from public.team_members where shop_id = ${shopId} and user_id = ${person.userId}`,
  )

describe('without consent', () => {
  it('nobody becomes a member: no client writes a row of team_members', async () => {
    const add = sql`insert into public.team_members (shop_id, user_id, role) values (${shopId}, ${guest.userId}, 'Order Manager')`
    expect(await refusal(test.database.asCaller(owner, add))).toBe('42501')
    const turn = sql`update public.team_members set user_id = ${guest.userId} where user_id = ${agent.userId}`
    expect(await refusal(test.database.asCaller(owner, turn))).toBe('42501')
    expect(await roleOf(guest)).toBeUndefined()
  })
})

describe('an invitation', () => {
  it('by user id makes a member when that user accepts, and only then', async () => {
    const invitation = await invite(owner, 'Order Manager', { userId: guest.userId })
    expect(invitation.token).toBeNull()
    expect(await roleOf(guest)).toBeUndefined()
    for (const other of [rival, owner, admin]) {
      expect(await refusal(answer(other, 'accept', invitation))).toBe('unknown_invitation PT404')
    }
    const { rows } = await test.database.asCaller(
      guest,
      sql`select shop_name, role from public.get_invitations()`,
    )
    expect(rows).toEqual([{ shop_name: 'Corner shop', role: 'Order Manager' }])
    await answer(guest, 'accept', invitation)
    expect(await roleOf(guest)).toBe('Order Manager')
    expect(await refusal(answer(guest, 'accept', invitation))).toBe('invitation_closed PT409')
  })

  it('by e-mail needs the token and an account of that address', async () => {
    const invitation = await invite(owner, 'Admin', { email: ' Guest@Example.Test ' })
    expect(invitation.token).toMatch(/^[0-9a-f]{64}$/)
    expect(await refusal(answer(guest, 'accept', invitation))).toBe('unknown_invitation PT404')
    expect(await refusal(answer(guest, 'accept', invitation, 'x'.repeat(64)))).toBe(
      'unknown_invitation PT404',
    )
    expect(await refusal(answer(rival, 'accept', invitation, invitation.token))).toBe(
      'unknown_invitation PT404',
    )
    const shown = sql`select role from public.get_invitations(${invitation.token})`
    expect((await test.database.asCaller(rival, shown)).rows).toEqual([{ role: 'Admin' }])
    await answer(guest, 'accept', invitation, invitation.token)
    expect(await roleOf(guest)).toBe('Admin')
  })

  it('is declined by the invited user, and then over', async () => {
    const invitation = await invite(owner, 'Admin', { userId: guest.userId })
    expect(await refusal(answer(rival, 'decline', invitation))).toBe('unknown_invitation PT404')
    await answer(guest, 'decline', invitation)
    expect(await refusal(answer(guest, 'accept', invitation))).toBe('invitation_closed PT409')
  })

  it('is revoked by who may give the role, and then over', async () => {
    const invitation = await invite(owner, 'Admin', { userId: guest.userId })
    expect(await refusal(revoke(rival, invitation))).toBe('unknown_invitation PT404')
    expect(await refusal(revoke(guest, invitation))).toBe('unknown_invitation PT404')
    expect(await refusal(revoke(agent, invitation))).toBe('forbidden PT403')
    expect(await refusal(revoke(admin, invitation))).toBe('forbidden PT403')
    await revoke(owner, invitation)
    expect(await refusal(revoke(owner, invitation))).toBe('invitation_closed PT409')
    expect(await refusal(answer(guest, 'accept', invitation))).toBe('invitation_closed PT409')
  })

  it('expires after seven days', async () => {
    const invitation = await invite(owner, 'Admin', { userId: guest.userId })
    await test.database.asOwner(
      sql`update public.team_invitations set expires_at = now() - interval '1 second' where id = ${invitation.id}`,
    )
    expect((await test.database.asCaller(guest, sql`select * from public.get_invitations()`)).rows).toEqual(
      [],
    )
    expect(await refusal(answer(guest, 'accept', invitation))).toBe('invitation_expired PT410')
  })

  it('is replaced by a second one to the same person', async () => {
    const first = await invite(owner, 'Admin', { email: 'guest@example.test' })
    const second = await invite(owner, 'Support Agent', { email: 'guest@example.test' })
    expect(await refusal(answer(guest, 'accept', first, first.token))).toBe('invitation_closed PT409')
    await answer(guest, 'accept', second, second.token)
    expect(await roleOf(guest)).toBe('Support Agent')
  })

  it('is made by those who may give the role', async () => {
    const to = { userId: guest.userId }
    expect(await refusal(invite(agent, 'Support Agent', to))).toBe('forbidden PT403')
    expect(await refusal(invite(admin, 'Admin', to))).toBe('forbidden PT403')
    expect(await refusal(invite(admin, 'Owner', to))).toBe('forbidden PT403')
    expect(await refusal(invite(rival, 'Support Agent', to))).toBe('unknown_shop PT404')
    expect(await refusal(invite(stranger, 'Support Agent', to))).toBe('42501')
    for (const [caller, role] of [
      [admin, 'Order Manager'],
      [owner, 'Owner'],
      [service, 'Owner'],
    ] as const) {
      expect(await refusal(invite(caller, role, to))).toBe('nothing was refused')
    }
  })

  it('counts only as long as who made it may give the role', async () => {
    const invitation = await invite(admin, 'Support Agent', { userId: guest.userId })
    await test.database.asCaller(
      owner,
      sql`update public.team_members set role = 'Support Agent' where user_id = ${admin.userId} and shop_id = ${shopId}`,
    )
    expect(await refusal(answer(guest, 'accept', invitation))).toBe('unknown_invitation PT404')
  })

  it('tells nobody whether an account exists', async () => {
    const unknown = { userId: '11111111-1111-4111-8111-111111111111' }
    const made = await invite(owner, 'Admin', unknown)
    expect(Object.keys(made).sort()).toEqual(['expires_at', 'id', 'token'])
    expect(Object.keys(await invite(owner, 'Admin', { userId: rival.userId })).sort()).toEqual(
      Object.keys(made).sort(),
    )
  })

  it('is refused for a member, for nobody, and for both kinds of recipient at once', async () => {
    expect(await refusal(invite(owner, 'Admin', { userId: agent.userId }))).toBe('already_member PT409')
    expect(await refusal(invite(owner, 'Admin', { userId: owner.userId }))).toBe('already_member PT409')
    for (const to of [{}, { email: 'no address' }, { email: 'a@b.test', userId: guest.userId }]) {
      expect(await refusal(invite(owner, 'Admin', to))).toBe('invalid_invitation PT422')
    }
    const invitation = await invite(owner, 'Admin', { userId: guest.userId })
    await join(guest, 'Support Agent')
    expect(await refusal(answer(guest, 'accept', invitation))).toBe('already_member PT409')
  })

  it('is one of at most 100 open ones', async () => {
    await test.database.asOwner(sql`
      insert into public.team_invitations (shop_id, role, user_id, expires_at)
      select ${shopId}, 'Admin', gen_random_uuid(), now() + interval '1 day' from generate_series(1, 100)`)
    expect(await refusal(invite(owner, 'Admin', { userId: guest.userId }))).toBe('too_many_invitations PT429')
  })

  it('accepted twice at once makes one member', async () => {
    const invitation = await invite(owner, 'Admin', { userId: guest.userId })
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => refusal(answer(guest, 'accept', invitation))),
    )
    expect(outcomes.filter((outcome) => outcome === 'nothing was refused')).toHaveLength(1)
    expect(new Set(outcomes)).toEqual(new Set(['nothing was refused', 'invitation_closed PT409']))
  })

  it('is seen by owners, admins and the invited user, and written by nobody', async () => {
    const invitation = await invite(owner, 'Admin', { userId: guest.userId })
    const count = (caller: Caller) =>
      value<string>(
        test.database,
        caller,
        sql`select count(*) from public.team_invitations where id = ${invitation.id}`,
      )
    expect(await Promise.all([owner, admin, guest, agent, rival].map(count))).toEqual([
      '1',
      '1',
      '1',
      '0',
      '0',
    ])
    const forge = sql`update public.team_invitations set user_id = ${rival.userId}, email = null`
    for (const caller of [owner, guest, rival]) {
      expect(await refusal(test.database.asCaller(caller, forge))).toBe('42501')
    }
  })
})

describe('leaving', () => {
  it('is everybody’s right, but the last owner stays', async () => {
    await leave(agent)
    expect(await roleOf(agent)).toBeUndefined()
    expect(await refusal(leave(agent))).toBe('unknown_shop PT404')
    expect(await refusal(leave(owner))).toBe('last_owner PT409')
  })

  it('hands the shop to the next owner', async () => {
    await join(guest, 'Owner')
    await leave(owner)
    const ownerId = sql`select owner_id from public.shops where id = ${shopId}`
    expect(await value(test.database, null, ownerId)).toBe(guest.userId)
    expect(await refusal(leave(guest))).toBe('last_owner PT409')
    expect(await refusal(leave(owner))).toBe('unknown_shop PT404')
  })

  it('cannot be done by the last two owners at once', async () => {
    await join(guest, 'Owner')
    await join(rival, 'Owner')
    await test.database.asOwner(sql`update public.shops set owner_id = null where id = ${shopId}`)
    const outcomes = await Promise.all([refusal(leave(guest)), refusal(leave(rival))])
    expect(outcomes.sort()).toEqual(['last_owner PT409', 'nothing was refused'])
    const demote = sql`update public.team_members set role = 'Admin' where role = 'Owner' and shop_id = ${shopId}`
    expect(await refusal(test.database.asOwner(demote))).toBe('last_owner PT409')
    const remove = sql`delete from public.team_members where shop_id = ${shopId}`
    expect(await refusal(test.database.asOwner(remove))).toBe('last_owner PT409')
  })

  it('goes with the account and with the shop, the last owner’s too', async () => {
    const late = actor('late')
    await signUp(test.database, late)
    await join(late, 'Owner')
    await test.database.asOwner(sql`update public.shops set owner_id = null where id = ${shopId}`)
    await test.database.asOwner(sql`delete from auth.users where id = ${late.userId}`)
    expect(await roleOf(late)).toBeUndefined()
    await join(guest, 'Owner')
    await test.database.asOwner(sql`delete from public.shops where id = ${shopId}`)
    expect(await roleOf(guest)).toBeUndefined()
  })
})

describe('the plan of a shop', () => {
  it('cannot be chosen by whoever opens it', async () => {
    const open = sql`insert into public.shops (name, owner_id, subscription_plan) values ('Pro shop', ${owner.userId}, 'Pro')`
    expect(await refusal(test.database.asCaller(owner, open))).toBe('42501')
  })

  const set = (caller: Caller, shop = shopId) =>
    test.database.asCaller(
      caller,
      sql`select public.set_subscription(${shop}, 'Pro', 'active', p_period_ends_at => '2027-01-01T00:00:00Z')`,
    )

  it('is the platform’s to set: its administrators and the service role', async () => {
    const platform = actor('platform')
    await signUp(test.database, platform)
    await test.database.asOwner(sql`update public.profiles set is_admin = true where id = ${platform.userId}`)
    expect(await refusal(set(owner))).toBe('forbidden PT403')
    expect(await refusal(set(rival))).toBe('forbidden PT403')
    expect(await refusal(set(stranger))).toBe('42501')
    await set(platform)
    await set(service)
    const plan = sql`select subscription_plan || ' ' || subscription_status from public.shops where id = ${shopId}`
    expect(await value(test.database, null, plan)).toBe('Pro active')
    expect(await refusal(set(service, '11111111-1111-4111-8111-111111111111'))).toBe('unknown_shop PT404')
  })
})
