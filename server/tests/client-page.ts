/** What the page of `client.e2e.test.ts` runs: the client in a real browser. */
import { createPlinthClient, encodeHtml, type Offline, openOffline } from '@plinth/client'

interface Page {
  signIn(url: string, key: string, email: string, password: string): Promise<void>
  open(url: string, key: string): Promise<void>
  offline(): Offline
  titles(): readonly string[]
  show(text: string): void
}

let offline: Offline | undefined

/** The test calls these through the page. */
const page: Page = {
  signIn: async (url, key, email, password) => {
    const { error } = await createPlinthClient(url, key).auth.signInWithPassword({ email, password })
    if (error) throw error
  },
  open: async (url, key) => {
    const client = createPlinthClient(url, key, { realtime: { reconnectAfterMs: () => 100 } })
    const tables = { services: { version: 'updatedAt' } }
    offline = await openOffline(client, { tables, retry: { first: 50, longest: 200 } })
  },
  offline: () => offline!,
  titles: () => [...offline!.rows('services').values()].map(({ title }) => String(title)).sort(),
  show: (text) => {
    const { document } = globalThis as unknown as { document: { body: { innerHTML: string } } }
    document.body.innerHTML = `<p title="${encodeHtml(text)}">${encodeHtml(text)}</p>`
  },
}
Object.assign(globalThis, { page })
