import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createApi,
  createDashboard,
  createPlinthClient,
  createRepository,
  createRoleManager,
  createSupabaseService,
  type Offline,
  openOffline,
  type PlinthClient,
  readConfig as readAppConfig,
  readFunctions,
  readRoleCatalogue,
  type WatchEvent,
  withServerFlags,
} from '@plinth/client'
import { openFileStore } from '@plinth/client/node'
import { kronium } from '@plinth/kronium'
import { readConfig, silentLog, systemClock } from '@plinth/platform/kernel'
import { waitFor } from '@plinth/testing'
import { openBrowser, type Page } from '@plinth/testing/browser'
import { findBrowser } from '@plinth/testing/programs'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../src/serve/start-server.ts'
import { type CutNetwork, startCutNetwork } from './cut-network.ts'

interface Service extends Record<string, unknown> {
  readonly id: string
  readonly title: string
  readonly price: number
}

let folder: string
let server: RunningServer
let network: CutNetwork
/** Not through the network that is cut. */
let service: PlinthClient
const password = 'a long password'
const tables = { services: { version: 'updatedAt' } }
const patient = { timeout: 30_000 }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-offline-'))
  const config = readConfig({ PLINTH_DATA_DIR: folder, PLINTH_PORT: '0' }, folder, ['kronium'])
  server = await startServer({
    config,
    systems: [kronium],
    clock: systemClock,
    log: silentLog,
    onEngineLost: () => undefined,
  })
  network = await startCutNetwork(server.url)
  const { serviceRoleKey } = server.projects[0]!.keys
  service = createPlinthClient(`${server.url}/kronium`, serviceRoleKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  })
})
afterAll(async () => {
  await service?.removeAllChannels()
  await network?.close()
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const anonKey = () => server.projects[0]!.keys.anonKey

/** Storage of a browser, for sessions that outlive their clients. */
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

/** An admin with a device: their session and store outlive restarts of the app. */
async function createDevice(name: string) {
  const { storage, items } = createStorage()
  const email = `${name}@example.test`
  const asked: string[] = []
  const connect = () =>
    createPlinthClient(`${network.url}/kronium`, anonKey(), {
      auth: { storage, persistSession: true, autoRefreshToken: false },
      realtime: { reconnectAfterMs: () => 100 },
      global: {
        fetch: (input, init) => {
          asked.push(`${init?.method ?? 'GET'} ${new URL(String(input)).pathname}`)
          return fetch(input, init)
        },
      },
    })
  const signedUp = await connect().auth.signUp({ email, password, options: { data: { name } } })
  if (signedUp.error) throw signedUp.error
  await service.from('users').update({ role: 'admin' }).eq('id', signedUp.data.user!.id).throwOnError()
  const path = join(folder, `${name}.store`)
  const open = async () => {
    const client = connect()
    const store = await openFileStore(path)
    const offline = await openOffline(client, { tables, store, name, retry: { first: 50, longest: 200 } })
    return {
      client,
      offline,
      close: async () => {
        await offline.close()
        await client.removeAllChannels()
        await client.realtime.disconnect()
      },
    }
  }
  return { open, connect, path, items, asked, email }
}

const shown = (offline: Offline, id: string) => offline.rows('services').get(id) as Service | undefined
const stored = async (id: string) => {
  const { data } = await service.from('services').select('*').eq('id', id).maybeSingle().throwOnError()
  return data as Service | null
}

describe('offline mode against a server', () => {
  it('K-9: writes without a network survive a restart, and are done once although their answers are lost', async () => {
    const device = await createDevice('ada')
    const events: string[] = []
    const others = service.watch({ table: 'services' }, (event) => {
      if (event.type === 'changes')
        events.push(...event.changes.map(({ type, row }) => `${type} ${row.title}`))
    })
    await others.ready
    const first = await device.open()
    await waitFor(() => first.offline.isFilled('services'), patient)
    network.state = 'down'
    network.cut()
    const id = await first.offline.insert('services', {
      title: `O'Brien & Söhne <b>`,
      price: 10,
      duration: 30,
    })
    await first.offline.update('services', id, { price: 12 })
    const gone = await first.offline.insert('services', { title: 'A mistake', price: 1, duration: 30 })
    await first.offline.remove('services', gone)
    expect(shown(first.offline, id)).toMatchObject({ title: `O'Brien & Söhne <b>`, price: 12 })
    await first.close()

    const second = await device.open()
    expect(shown(second.offline, id)).toMatchObject({ title: `O'Brien & Söhne <b>`, price: 12 })
    expect(shown(second.offline, gone)).toBeUndefined()
    expect(second.offline.writes).toHaveLength(4)
    expect(await stored(id)).toBeNull()
    network.state = 'deaf'
    await waitFor(async () => (await stored(id)) !== null, patient)
    network.state = 'up'
    await waitFor(() => second.offline.writes.length === 0, patient)
    expect(await stored(id)).toMatchObject({ title: `O'Brien & Söhne <b>`, price: 12 })
    expect(await stored(gone)).toBeNull()
    await waitFor(() => events.length >= 4, patient)
    const title = `O'Brien & Söhne <b>`
    expect(events).toEqual([`insert ${title}`, `update ${title}`, 'insert A mistake', 'remove A mistake'])
    await second.close()
    await others.close()
  })

  it('K-9: what somebody else has changed is a conflict with both versions, and neither is lost', async () => {
    const device = await createDevice('grace')
    const { data } = await service
      .from('services')
      .insert({ title: 'Cut', price: 20, duration: 30 })
      .select('id')
      .single()
      .throwOnError()
    const { id } = data as { id: string }
    const { offline, close } = await device.open()
    await waitFor(() => shown(offline, id) !== undefined, patient)
    network.state = 'down'
    network.cut()
    await offline.update('services', id, { price: 25 })
    await service.from('services').update({ title: 'Cut and wash' }).eq('id', id).throwOnError()
    network.state = 'up'
    await waitFor(() => offline.conflicts.length === 1, patient)
    const [conflict] = offline.conflicts
    expect(conflict).toMatchObject({
      table: 'services',
      key: id,
      base: { title: 'Cut', price: 20 },
      mine: { title: 'Cut', price: 25 },
      theirs: { title: 'Cut and wash', price: 20 },
    })
    expect(await stored(id)).toMatchObject({ title: 'Cut and wash', price: 20 })
    await offline.resolve(conflict!, 'mine')
    await waitFor(() => offline.writes.length === 0, patient)
    expect(await stored(id)).toMatchObject({ title: 'Cut and wash', price: 25 })
    await waitFor(() => shown(offline, id)?.title === 'Cut and wash', patient)
    await close()
  })

  it('K-9: a token that ended meanwhile is renewed before anything is sent; what may not be done is told', async () => {
    const device = await createDevice('joan')
    const { offline, close } = await device.open()
    await waitFor(() => offline.isFilled('services'), patient)
    network.state = 'down'
    network.cut()
    const id = await offline.insert('services', { title: 'Later', price: 1, duration: 30 })
    const bad = await offline.insert('services', { title: 'Negative', price: -1, duration: 30 })
    const [key, text] = [...device.items].find(([, value]) => value.includes('access_token'))!
    device.items.set(key, JSON.stringify({ ...JSON.parse(text), expires_at: 1_000 }))
    device.asked.splice(0)
    network.state = 'up'
    await waitFor(() => offline.writes.length === 1, patient)
    expect(await stored(id)).not.toBeNull()
    const renewed = device.asked.indexOf('POST /kronium/auth/v1/token')
    expect(renewed).toBeGreaterThanOrEqual(0)
    expect(renewed).toBeLessThan(device.asked.indexOf('POST /kronium/rest/v1/services'))
    await waitFor(() => offline.writes[0]?.state === 'refused', patient)
    expect(offline.writes[0]).toMatchObject({ key: bad, problem: { code: '23514' } })
    await offline.retry(offline.writes[0]!.id, { id: bad, title: 'Positive', price: 1, duration: 30 })
    await waitFor(() => offline.writes.length === 0, patient)
    expect(await stored(bad)).toMatchObject({ title: 'Positive' })
    await close()
  })

  it('K-9: signing out leaves nothing that another user could read, and loses no write unasked', async () => {
    const device = await createDevice('rear')
    const { offline, client, close } = await device.open()
    await waitFor(() => offline.rows('services').size > 0, patient)
    network.state = 'down'
    network.cut()
    await offline.insert('services', { title: 'A plan of hers', price: 1, duration: 30 })
    await expect(offline.signOut()).rejects.toMatchObject({ code: 'unsent_writes' })
    expect(offline.writes).toHaveLength(1)
    await offline.signOut({ discardUnsent: true })
    expect(offline.user).toBeNull()
    expect(() => offline.rows('services')).toThrow('Nobody is signed in')
    const text = await readFile(device.path, 'utf8')
    expect([text.includes('A plan of hers'), text.includes('Cut and wash')]).toEqual([false, false])
    network.state = 'up'
    expect((await client.auth.getSession()).data.session).toBeNull()
    await close()
  })
})

describe('services against a server', () => {
  it('K-5, K-7: a repository creates, reads, changes and deletes; its watch is a snapshot, then deltas', async () => {
    const client = (await createDevice('hedy')).connect()
    const services = createRepository<Service>(client, { table: 'services', order: 'title' })
    const before = await services.getAll()
    const events: WatchEvent<Service>[] = []
    const live = services.watch((event) => events.push(event))
    await waitFor(() => events.length > 0, patient)
    expect(events[0]).toMatchObject({ type: 'snapshot' })
    const id = await services.create({ title: 'A shave', price: 8 })
    expect(await services.getById(id)).toMatchObject({ title: 'A shave', price: 8 })
    await services.update(id, { price: 9 })
    const all = await services.getAll()
    expect(all).toHaveLength(before.length + 1)
    expect(all.map(({ title }) => title)).toEqual(all.map(({ title }) => title).toSorted())
    expect(await services.getAll({ limit: 1, offset: 1 })).toEqual(all.slice(1, 2))
    await services.delete(id)
    expect(await services.getById(id)).toBeNull()
    await expect(services.update(id, { price: 1 })).rejects.toMatchObject({ code: 'PGRST116' })
    await waitFor(() => events.length === 4, patient)
    const changes = events.slice(1).flatMap((event) => (event.type === 'changes' ? event.changes : []))
    expect(changes.map(({ type, row }) => [type, row.price])).toEqual([
      ['insert', 8],
      ['update', 9],
      ['remove', 9],
    ])
    await live.close()
    const cancelling = createRepository<Service & { isActive: boolean }>(client, {
      table: 'services',
      remove: () => ({ isActive: false }),
    })
    const kept = await cancelling.create({ title: 'Kept', price: 1 })
    await cancelling.delete(kept)
    expect(await cancelling.getById(kept)).toMatchObject({ isActive: false })
  })

  it('K-1, K-6, K-9, K-12: files, roles, switches, numbers and requests of kronium', async () => {
    const client = (await createDevice('mary')).connect()
    const repository = (table: string) => createRepository(client, { table })
    const data = createSupabaseService({
      client,
      users: repository('users'),
      services: repository('services'),
      bookings: repository('bookings'),
      projects: repository('projects'),
    })
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    )
    const file = Object.assign(new Blob([png], { type: 'image/png' }), { name: 'my face.PNG' })
    const path = await data.uploadImage(file, 'service_images')
    expect(path).toMatch(/^service_images\/[\da-f-]{36}\.png$/)
    const shownAt = client.storage.from('public').getPublicUrl(path).data.publicUrl
    expect(Buffer.from(await (await fetch(shownAt)).arrayBuffer())).toEqual(png)
    expect(await data.checkHealth()).toMatchObject({ isHealthy: true })

    const roles = createRoleManager(await readRoleCatalogue(client))
    expect([roles.can('admin', 'manage_users', 'all'), roles.can('customer', 'manage_users')]).toEqual([
      true,
      false,
    ])

    const config = readAppConfig({ SUPABASE_URL: `${server.url}/kronium`, SUPABASE_ANON_KEY: anonKey() })
    expect(await withServerFlags(config, client.flags)).toMatchObject({
      enableOfflineMode: false,
      enablePushNotifications: false,
      enableAnalytics: false,
    })

    const read = readFunctions(client, { statistics: 'dashboard_statistics', features: 'dashboard_features' })
    const dashboard = createDashboard({ read })
    await dashboard.load()
    expect(dashboard.state).toMatchObject({
      error: null,
      data: { statistics: { services: {} }, features: {} },
    })

    const api = createApi({ url: config.supabaseUrl, key: anonKey(), client })
    expect(await api.get('/flags/v1')).toMatchObject({ data: { enableOfflineMode: false } })
    await expect(api.get('/rest/v1/nothing')).rejects.toMatchObject({ code: 'PGRST205', status: 404 })
  })
})

describe.skipIf(!findBrowser())('offline mode in a browser', () => {
  it('K-9: IndexedDB, a cut network, a reload and two tabs: every write once, the page shows it all the time', async () => {
    const browser = await openBrowser()
    const pages = await servePage()
    const device = await createDevice('edith')
    try {
      const context = await browser.newContext()
      const tab = await openTab(await context.newPage(), pages.url)
      await run(tab, 'signIn', `${network.url}/kronium`, anonKey(), device.email, password)
      await open(tab)
      await tab.waitForFunction('page.offline().isFilled("services")')

      network.state = 'down'
      network.cut()
      const before = (await titles(tab)).length
      await tab.evaluate(
        'page.offline().insert("services", { title: "In the tunnel", price: 5, duration: 30 })',
      )
      expect(await titles(tab)).toContain('In the tunnel')
      await openTab(tab, pages.url)
      await open(tab)
      expect(await titles(tab)).toContain('In the tunnel')
      expect(await titles(tab)).toHaveLength(before + 1)

      const other = await openTab(await context.newPage(), pages.url)
      await open(other)
      await other.evaluate(
        'page.offline().insert("services", { title: "In the other tab", price: 5, duration: 30 })',
      )
      await tab.waitForFunction('page.titles().includes("In the other tab")')

      network.state = 'deaf'
      const isThere = async (title: string) => {
        const { data } = await service.from('services').select('id').eq('title', title).throwOnError()
        return (data as unknown[]).length
      }
      await waitFor(async () => (await isThere('In the tunnel')) > 0, patient)
      network.state = 'up'
      for (const each of [tab, other]) await each.waitForFunction('page.offline().writes.length === 0')
      expect([await isThere('In the tunnel'), await isThere('In the other tab')]).toEqual([1, 1])
      for (const each of [tab, other]) expect(await titles(each)).toHaveLength(before + 2)

      // What was written is shown as it was written, and executes nothing.
      const written = `O'Brien & Söhne <b onmouseover="alert(1)"><script>document.title = 'executed'</script>`
      await run(tab, 'show', written)
      expect(await tab.textContent('p')).toBe(written)
      expect(await tab.getAttribute('p', 'title')).toBe(written)
      expect([await tab.title(), await tab.locator('b').count()]).toEqual(['page', 0])

      await other.evaluate('page.offline().signOut()')
      await waitFor(async () => (await tab.evaluate('page.offline().user')) === null, patient)
      const left = await tab.evaluate(`new Promise((resolve) => {
        indexedDB.databases().then(([{ name }]) => {
          indexedDB.open(name).onsuccess = ({ target }) => {
            target.result.transaction('entries').objectStore('entries').getAllKeys().onsuccess = (event) => resolve(event.target.result)
          }
        })
      })`)
      expect(left).toEqual([])
    } finally {
      await browser.close()
      await pages.close()
    }
  })
})

const titles = (tab: Page) => tab.evaluate('page.titles()') as Promise<string[]>
const run = (tab: Page, name: string, ...given: readonly string[]) =>
  tab.evaluate(`page.${name}(${given.map((each) => JSON.stringify(each)).join(', ')})`)
const open = (tab: Page) => run(tab, 'open', `${network.url}/kronium`, anonKey())

async function openTab(tab: Page, url: string): Promise<Page> {
  await tab.goto(url)
  await tab.waitForFunction('globalThis.page !== undefined')
  return tab
}

/** A page with the client, from a server of its own: it loads also while the network to Plinth is cut. */
async function servePage() {
  const input = fileURLToPath(new URL('./client-page.ts', import.meta.url))
  const bundle = await rolldown({ input, platform: 'browser', logLevel: 'silent' })
  const { output } = await bundle.generate({ format: 'iife' })
  await bundle.close()
  const html = `<!doctype html><title>page</title><body><script>${output[0].code.replaceAll('</script', '<\\/script')}</script>`
  const pages = createServer((_, response) =>
    response.setHeader('content-type', 'text/html; charset=utf-8').end(html),
  )
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`,
    close: () =>
      new Promise<void>((resolve) => {
        pages.close(() => resolve())
        pages.closeAllConnections()
      }),
  }
}
