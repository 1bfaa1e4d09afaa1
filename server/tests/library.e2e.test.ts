import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { library } from '@plinth/library'
import { readConfig, silentLog, systemClock } from '@plinth/platform/kernel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadDemos } from '../src/serve/load-demos.ts'
import { type RunningServer, startServer } from '../src/serve/start-server.ts'

/** The server knows nothing of this system, nor of the capability that comes with it. */
describe('a system with a capability of its own', () => {
  let folder: string
  let server: RunningServer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-library-'))
    const environment = { PLINTH_DATA_DIR: folder, PLINTH_PORT: '0', PLINTH_LIBRARY_CARDS_PREFIX: 'DOOR' }
    const config = readConfig(environment, folder, ['library'])
    server = await startServer({
      config,
      systems: [library],
      clock: systemClock,
      log: silentLog,
      onEngineLost: () => undefined,
    })
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const send = (path: string, init: RequestInit = {}, token = server.projects[0]!.keys.anonKey) =>
    fetch(`${server.url}/library${path}`, {
      ...init,
      headers: {
        apikey: server.projects[0]!.keys.anonKey,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
      },
    })
  const post = (path: string, body: object, token?: string) =>
    send(path, { method: 'POST', body: JSON.stringify(body) }, token)
  const read = async (answer: Promise<Response>) => (await answer).json() as Promise<Record<string, never>>

  it('is served by the declaration alone: demo, accounts, routes, capability, stream, OpenAPI', async () => {
    const [line] = await loadDemos(server.projects, server.url)
    expect(line).toContain('/library/functions/v1/popular-books')
    const signedIn = await read(
      post('/auth/v1/token?grant_type=password', {
        email: 'reader@demo.example',
        password: 'demo-reader-2026',
      }),
    )
    const token = signedIn['access_token'] as unknown as string
    const books = (await read(send('/rest/v1/books?order=title', {}, token))) as unknown as { id: string }[]
    expect(books).toHaveLength(2)
    expect((await post(`/books/${books[0]!.id}/loans`, {}, token)).status).toBe(201)
    const card = await read(post('/functions/v1/new-card', {}, token))
    expect(JSON.stringify(card)).toMatch(/DOOR-\d{10}/)
    const url = /'(.+)'/.exec(line!)![1]!
    await expect
      .poll(async () => ((await (await fetch(url)).json()) as { data: unknown[] }).data)
      .toEqual([{ title: 'Emma', author: 'Jane Austen', loans: 1 }])
    const { paths } = (await read(send('/openapi.json'))) as unknown as { paths: object }
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/books/{id}/loans', '/loans/{id}/due.ics']))
  })
})
