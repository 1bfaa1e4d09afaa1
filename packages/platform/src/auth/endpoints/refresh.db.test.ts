import { beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

describe('refreshing a session', () => {
  const host = useAuthHost({ connections: { requests: 2, owner: 16 } })
  let count = 0
  let first: string
  let userId: string
  let accessToken: string

  beforeEach(async () => {
    count += 1
    const { body } = await host.signUp(`user-${count}@example.test`)
    first = body.refresh_token
    userId = body.user.id
    accessToken = body.access_token
  })

  const next = async (token: string): Promise<string> => {
    const { status, body } = await host.refresh(token)
    expect(status).toBe(200)
    return body.refresh_token
  }
  const codeOf = async (token: string) => (await host.refresh(token)).body.error_code
  const tokens = async () => {
    const { rows } = await host.database.asOwner<{ token: string; revoked: boolean; parent: string | null }>(
      sql`select token, revoked, parent from auth.refresh_tokens where user_id = ${userId} order by id`,
    )
    return rows
  }

  it('exchanges the token for a new one and tells of the same session and sign-in', async () => {
    host.clock.advance(3_600_000)
    const { body } = await host.refresh(first)
    expect(body.refresh_token).not.toBe(first)
    const [before, after] = await Promise.all(
      [accessToken, body.access_token].map(async (token: string) => JSON.parse(atob(token.split('.')[1]!))),
    )
    expect(after).toMatchObject({ session_id: before.session_id, amr: before.amr, aal: 'aal1', sub: userId })
    expect(after.iat).toBe(before.iat + 3600)
    expect(body.expires_at).toBe(after.exp)
  })

  it('carries what the account says now', async () => {
    await host.asService('PUT', `/admin/users/${userId}`, { app_metadata: { plan: 'pro' } })
    const { body } = await host.refresh(first)
    expect(JSON.parse(atob(body.access_token.split('.')[1])).app_metadata.plan).toBe('pro')
  })

  it('gives tabs that refresh at the same moment the same token', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => host.refresh(first)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const given = new Set(answers.map(({ body }) => body.refresh_token))
    expect(given.size).toBe(1)
    expect(await tokens()).toEqual([
      expect.objectContaining({ revoked: true }),
      expect.objectContaining({ revoked: false }),
    ])
    await next([...given][0])
  })

  it('gives a late tab the same token within the grace window', async () => {
    const second = await next(first)
    host.clock.advance(9_999)
    expect(await next(first)).toBe(second)
    await next(second)
  })

  it('ends the session when the token comes back after the grace window', async () => {
    const second = await next(first)
    host.clock.advance(10_000)
    expect(await codeOf(first)).toBe('refresh_token_already_used')
    expect(await codeOf(second)).toBe('refresh_token_already_used')
    const { body } = await host.send('/user', { token: accessToken })
    expect(body.error_code).toBe('session_not_found')
  })

  it('ends the session at once when an older token than the last one comes back', async () => {
    const second = await next(first)
    const third = await next(second)
    expect(await codeOf(first)).toBe('refresh_token_already_used')
    expect(await codeOf(third)).toBe('refresh_token_already_used')
    expect(await codeOf(second)).toBe('refresh_token_already_used')
  })

  it('ends only the session whose token came back', async () => {
    const other = (await host.signIn(`user-${count}@example.test`)).body.refresh_token
    await next(await next(first))
    expect(await codeOf(first)).toBe('refresh_token_already_used')
    await next(other)
  })

  it('has one valid token at any time, whatever is presented in parallel', async () => {
    const second = await next(first)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => host.refresh(index % 2 === 0 ? second : first)),
    )
    const good = answers.filter(({ status }) => status === 200)
    expect(answers.every(({ status }) => status === 200 || status === 400)).toBe(true)
    const valid = (await tokens()).filter(({ revoked }) => !revoked)
    expect(valid.length).toBeLessThanOrEqual(1)
    expect(new Set(good.map(({ body }) => body.refresh_token)).size).toBeLessThanOrEqual(2)
  })

  it('stores hashes only, from which no token follows', async () => {
    const second = await next(first)
    const { rows } = await host.database.asOwner<{ text: string }>(sql`
      select t::text || coalesce(s::text, '') as text
      from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id where t.user_id = ${userId}`)
    const stored = rows.map(({ text }) => text).join()
    expect(stored).not.toContain(first)
    expect(stored).not.toContain(second)
    for (const { token } of await tokens()) {
      expect(token).toMatch(/^[0-9a-f]{64}$/)
      expect(await codeOf(token)).toBe('refresh_token_not_found')
    }
  })

  it('goes on after a restart of the server', async () => {
    host.restart()
    const second = await next(first)
    host.restart()
    expect(await next(first)).toBe(second)
  })

  it('is refused while the account is banned, and goes on afterwards', async () => {
    await host.asService('PUT', `/admin/users/${userId}`, { ban_duration: '1h' })
    expect(await codeOf(first)).toBe('user_banned')
    await host.asService('PUT', `/admin/users/${userId}`, { ban_duration: 'none' })
    await next(first)
  })

  it('is refused when the session has a set end that is over', async () => {
    await host.database.asOwner(
      sql`update auth.sessions set not_after = ${new Date(host.clock.now().getTime() + 1000)} where user_id = ${userId}`,
    )
    const second = await next(first)
    host.clock.advance(1000)
    expect(await codeOf(second)).toBe('session_expired')
  })

  it('ends with the account', async () => {
    await host.asService('DELETE', `/admin/users/${userId}`)
    expect(await codeOf(first)).toBe('refresh_token_not_found')
  })

  it('does not let a session grow without end', async () => {
    let token = first
    for (let day = 0; day < 40; day += 1) {
      token = await next(token)
      host.clock.advance(24 * 3_600_000)
    }
    expect((await tokens()).length).toBeLessThanOrEqual(32)
  })

  it.each([
    [undefined, 'validation_failed'],
    ['', 'validation_failed'],
    [7, 'validation_failed'],
    ['no such token', 'refresh_token_not_found'],
    ['x'.repeat(60_000), 'refresh_token_not_found'],
    ['\0', 'refresh_token_not_found'],
    ["' or true --", 'refresh_token_not_found'],
  ])('refuses %j with %s', async (token, code) => {
    expect(await host.refresh(token)).toMatchObject({ status: 400, body: { error_code: code } })
  })

  it('is limited by address', async () => {
    host.restart({ rateLimitTokenRefresh: 1 })
    const second = await next(first)
    expect(await host.refresh(second)).toMatchObject({
      status: 429,
      body: { error_code: 'over_request_rate_limit' },
    })
    host.restart()
    await next(second)
  })
})
