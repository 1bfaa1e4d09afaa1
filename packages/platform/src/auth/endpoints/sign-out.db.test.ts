import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

describe('signing out', () => {
  const host = useAuthHost()

  /** One account on three devices; says which of them are still signed in. */
  async function threeDevices(email: string) {
    await host.signUp(email)
    const devices = await Promise.all(
      [1, 2, 3].map(
        async () => (await host.signIn(email)).body as { access_token: string; refresh_token: string },
      ),
    )
    const signOut = (query: string) =>
      host.send(`/logout${query}`, { method: 'POST', token: devices[0]!.access_token })
    const alive = () =>
      Promise.all(
        devices.map(
          async ({ access_token: token, refresh_token: refresh }) =>
            (await host.send('/user', { token })).status === 200 &&
            (await host.refresh(refresh)).status === 200,
        ),
      )
    return { signOut, alive }
  }

  it.each([
    ['', [false, false, false]],
    ['?scope=global', [false, false, false]],
    ['?scope=local', [false, true, true]],
    ['?scope=others', [true, false, false]],
  ])('with %j leaves %j', async (query, expected) => {
    const { signOut, alive } = await threeDevices(`ada${query.replace(/\W/g, '-')}@example.test`)
    const { status, body } = await signOut(query)
    expect({ status, body }).toEqual({ status: 204, body: null })
    expect(await alive()).toEqual(expected)
  })

  it('leaves other accounts alone', async () => {
    const { body: other } = await host.signUp('bob@example.test')
    const { signOut } = await threeDevices('carl@example.test')
    await signOut('')
    expect((await host.refresh(other.refresh_token)).status).toBe(200)
  })

  it('knows no other scope, and nobody to sign out twice', async () => {
    const { signOut } = await threeDevices('dora@example.test')
    expect(await signOut('?scope=all')).toMatchObject({
      status: 400,
      body: { error_code: 'validation_failed' },
    })
    expect((await signOut('?scope=local')).status).toBe(204)
    expect(await signOut('?scope=local')).toMatchObject({
      status: 403,
      body: { error_code: 'session_not_found' },
    })
  })

  it('by an administrator is noted with whom and how, by the user themselves it is not', async () => {
    const { body: mine } = await host.signUp('erna@example.test')
    const { body: other } = await host.signUp('fred@example.test')
    const signOut = (token: string, key: string) =>
      host.send('/logout?scope=others', { method: 'POST', token, key })
    expect((await signOut(mine.access_token, host.keys.anonKey)).status).toBe(204)
    expect((await signOut(other.access_token, host.keys.serviceRoleKey)).status).toBe(204)
    const { rows } = await host.database.asOwner(sql`
      select payload->>'actor_username' as actor, payload->'traits'->>'user_id' as user, payload->'traits'->>'scope' as scope
      from auth.audit_log_entries where payload->>'action' = 'logout'`)
    expect(rows).toEqual([{ actor: 'service_role', user: other.user.id, scope: 'others' }])
  })
})
