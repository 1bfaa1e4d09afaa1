import { ask } from './play.ts'
import type { Keys } from './served.ts'

/** What generators may name: addresses, keys, tokens and ids of rows that are there. */
export interface Target {
  readonly port: number
  readonly keys: Keys
  /** A signed-in user's access token of each system. */
  readonly tokens: Readonly<Record<string, string>>
  readonly ids: readonly string[]
}

/** Makes a user in each system, with a shop, an item and a note that are theirs. */
export async function prepareTarget({
  port,
  keys,
}: {
  readonly port: number
  readonly keys: Keys
}): Promise<Target> {
  const tokens: Record<string, string> = {}
  const ids: string[] = []
  for (const [system, { anon }] of Object.entries(keys)) {
    const send = async (path: string, body: object, token = anon) => {
      const headers = {
        apikey: anon,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        prefer: 'return=representation',
      }
      const target = `/${system}${path}`
      const made = { kind: 'http', method: 'POST', target, headers, body: JSON.stringify(body) } as const
      const { status, text } = (await ask(port, made, false))!
      if (status >= 300) throw new Error(`${path} of ${system} answered ${status}: ${text}`)
      return JSON.parse(text)
    }
    const { access_token: token, user } = await send('/auth/v1/signup', {
      email: 'fuzz@example.test',
      password: 'a long password',
    })
    tokens[system] = token
    ids.push(user.id)
    if (system === 'shops') {
      const [shop] = await send('/rest/v1/shops', { name: 'Fuzz', owner_id: user.id }, token)
      const [item] = await send('/rest/v1/items', { shop_id: shop.id, name: 'Cup', stock: 5 }, token)
      ids.push(shop.id, item.id)
    }
    if (system === 'notes') await send('/rest/v1/notes', { body: 'a note' }, token)
  }
  return { port, keys, tokens, ids }
}
