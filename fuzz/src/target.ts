import type { Answer, HttpCase } from './case.ts'
import { pixel } from './generators/pictures.ts'
import type { Lookup } from './generators/values.ts'
import { ask } from './play.ts'
import type { Keys, Started } from './served.ts'

/** What generators may name: addresses, keys, tokens and ids of rows that are there, and what every route takes. */
export interface Target extends Started {
  /** The server's address as it knows it itself. */
  readonly origin: string
  /** A signed-in user's access token of each system. */
  readonly tokens: Readonly<Record<string, string>>
  readonly ids: readonly string[]
  /** Of all systems, as their descriptions at `/<system>/openapi.json` list them. */
  readonly operations: readonly Operation[]
  /** By system: tables and views with their columns, and the names of functions. */
  readonly tables: Readonly<Record<string, Tables>>
  /** Addresses with a signature, below storage's own. */
  readonly signed: readonly string[]
}

export interface Tables {
  readonly tables: Readonly<Record<string, readonly string[]>>
  readonly calls: readonly string[]
}

type Schema = Readonly<Record<string, unknown>>

/** One route or function. */
export interface Operation {
  readonly system: string
  readonly method: string
  /** Below the project's address; `{name}` for parameters. */
  readonly path: string
  readonly parameters: readonly {
    readonly name: string
    readonly in: 'path' | 'query'
    readonly required: boolean
    readonly schema: Schema
  }[]
  /** By content type. */
  readonly bodies: Readonly<Record<string, Schema>>
  readonly lookup: Lookup
}

/** Makes a user in each system, with rows and files that are theirs, and reads what the systems answer. */
export async function prepareTarget(started: Started): Promise<Target> {
  const { port, keys } = started
  const tokens: Record<string, string> = {}
  const ids: string[] = []
  const operations: Operation[] = []
  const tables: Record<string, Tables> = {}
  for (const [system, { anon, service }] of Object.entries(keys)) {
    const send = (path: string, body: object, token = anon) =>
      sendTo({ port, keys, token }, system, path, { body: JSON.stringify(body) })
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
    operations.push(...(await readOperations({ port, keys, token }, system)))
    tables[system] = await readTables({ port, keys, token: service }, system)
  }
  const signed = await signFiles({ port, keys, token: keys['everything']!.service })
  return { ...started, origin: 'http://127.0.0.1:0', tokens, ids, operations, tables, signed }
}

interface Asker {
  readonly port: number
  readonly keys: Keys
  readonly token: string
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
async function sendTo(asker: Asker, system: string, path: string, request: Partial<HttpCase>): Promise<any> {
  const headers = {
    apikey: asker.keys[system]!.anon,
    authorization: `Bearer ${asker.token}`,
    'content-type': 'application/json',
    prefer: 'return=representation',
    ...request.headers,
  }
  const made = { kind: 'http', method: 'POST', ...request, target: `/${system}${path}`, headers } as const
  const { status, text } = (await ask(asker.port, made, false, undefined, Infinity)) as Answer
  if (status >= 300 || status === 0) throw new Error(`${path} of ${system} answered ${status}: ${text}`)
  return JSON.parse(text)
}

async function readOperations(asker: Asker, system: string): Promise<readonly Operation[]> {
  const document = await sendTo(asker, system, '/openapi.json', { method: 'GET' })
  const lookup: Lookup = (ref) =>
    ref
      .split('/')
      .slice(1)
      .reduce((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')] ?? {}, document)
  return Object.entries<Record<string, Schema>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => {
      const { parameters = [], requestBody } = described as {
        parameters?: Operation['parameters']
        requestBody?: { content: Record<string, { schema: Schema }> }
      }
      const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => [type, schema])
      return {
        system,
        method: method.toUpperCase(),
        path,
        parameters,
        bodies: Object.fromEntries(bodies),
        lookup,
      }
    }),
  )
}

/** What rest describes of a project at its root. */
async function readTables(asker: Asker, system: string): Promise<Tables> {
  const { definitions, paths } = await sendTo(asker, system, '/rest/v1/', { method: 'GET' })
  const described = Object.entries<{ properties?: object }>(definitions ?? {})
  return {
    tables: Object.fromEntries(
      described.map(([name, { properties = {} }]) => [name, Object.keys(properties)]),
    ),
    calls: Object.keys(paths).flatMap((path) => (path.startsWith('/rpc/') ? [path.slice(5)] : [])),
  }
}

/** Two files, and signatures to read them, to read one as a picture, and to write another. */
async function signFiles(asker: Asker): Promise<readonly string[]> {
  const send = (path: string, request: Partial<HttpCase>) =>
    sendTo(asker, 'everything', `/storage/v1${path}`, request)
  for (const bucket of ['open', 'closed']) {
    const headers = { 'content-type': 'image/png', 'x-upsert': 'true' }
    await send(`/object/${bucket}/a.png`, { headers, body: pixel })
    await send(`/object/${bucket}/picture.png`, { headers, body: pixel })
  }
  const sign = async (path: string, body: object) => {
    const { signedURL, url } = await send(path, { body: JSON.stringify(body) })
    return String(signedURL ?? url)
  }
  return [
    await sign('/object/sign/open/a.png', { expiresIn: 100_000 }),
    await sign('/object/sign/closed/a.png', { expiresIn: 100_000 }),
    await sign('/object/sign/closed/a.png', { expiresIn: 100_000, transform: { width: 5 } }),
    await sign('/object/upload/sign/open/new.txt', {}),
  ]
}
