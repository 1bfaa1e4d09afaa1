import { describe, expect, it } from 'vitest'
import { createPlinthClient, sessionKey } from './create-plinth-client.ts'

/** A browser's localStorage as both clients share it. */
function createStorage() {
  const items = new Map<string, string>()
  return {
    items,
    storage: {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
      removeItem: (key: string) => void items.delete(key),
    },
  }
}

const session = (user: string) => ({
  access_token: `e30.${Buffer.from(JSON.stringify({ sub: user, exp: 4_000_000_000 })).toString('base64url')}.x`,
  refresh_token: `refresh-${user}`,
  expires_in: 3600,
  token_type: 'bearer',
  user: { id: user },
})

const server = (user: string): typeof fetch =>
  (() => Promise.resolve(Response.json(session(user)))) as typeof fetch

describe('createPlinthClient', () => {
  it('keeps the sessions of two systems of one server side by side in one browser', async () => {
    const { storage, items } = createStorage()
    const open = (system: string, user: string) =>
      createPlinthClient(`http://localhost:54321/${system}`, 'key', {
        auth: { storage, autoRefreshToken: false },
        global: { fetch: server(user) },
      })
    const [shops, courses] = [open('shops', 'sam'), open('courses', 'cleo')]
    await shops.auth.signInWithPassword({ email: 'a@example.test', password: 'x' })
    await courses.auth.signInWithPassword({ email: 'b@example.test', password: 'x' })
    expect([...items.keys()].sort()).toEqual([
      'plinth-localhost:54321-courses-auth',
      'plinth-localhost:54321-shops-auth',
    ])
    const again = open('shops', 'nobody')
    expect((await again.auth.getSession()).data.session?.refresh_token).toBe('refresh-sam')
    expect((await courses.auth.getSession()).data.session?.refresh_token).toBe('refresh-cleo')
    await shops.auth.signOut({ scope: 'local' })
    expect((await courses.auth.getSession()).data.session?.refresh_token).toBe('refresh-cleo')
  })

  it('names the system after the path, unless it is told', () => {
    expect(sessionKey('https://api.example.com/shops/')).toBe('plinth-api.example.com-shops-auth')
    expect(sessionKey('https://shop.example.com')).toBe('plinth-shop.example.com-auth')
    expect(sessionKey('https://shop.example.com', 'shops')).toBe('plinth-shop.example.com-shops-auth')
  })
})
