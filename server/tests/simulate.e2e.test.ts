import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig, silentLog, systemClock } from '@plinth/platform/kernel'
import { tickets } from '@plinth/tickets'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SimulatedProviders, simulateProviders } from '../src/develop/simulate-providers.ts'
import { type RunningServer, startServer } from '../src/serve/start-server.ts'

/** Everything of a payment, with no account and no network: what `npm start -- --simulate` starts. */
describe('a server whose payment providers are simulated', () => {
  let folder: string
  let simulated: SimulatedProviders
  let server: RunningServer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-simulated-'))
    const config = readConfig({ PLINTH_DATA_DIR: folder, PLINTH_PORT: '0' }, folder, ['tickets'])
    simulated = await simulateProviders(config, [tickets])
    server = await startServer({
      config: simulated.config,
      systems: [tickets],
      clock: systemClock,
      log: silentLog,
      onEngineLost: () => undefined,
    })
    simulated.connect(server)
  })
  afterAll(async () => {
    await simulated?.stop()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const functions = () => `${server.url}/tickets/functions/v1`

  it('takes a ticket from the shop through the provider’s page to a paid order', async () => {
    const { serviceRoleKey } = server.projects[0]!.keys
    const made = await fetch(`${server.url}/tickets/rest/v1/shows`, {
      method: 'POST',
      headers: {
        apikey: serviceRoleKey,
        authorization: `Bearer ${serviceRoleKey}`,
        'content-type': 'application/json',
        prefer: 'return=representation',
      },
      body: JSON.stringify({ title: 'Hamlet', price: 2500, tax: 200, currency: 'EUR' }),
    })
    const [show] = (await made.json()) as { id: string }[]
    const sent = await fetch(`${functions()}/buy-ticket`, {
      method: 'POST',
      body: new URLSearchParams({ show: show!.id }),
      redirect: 'manual',
    })
    const page = sent.headers.get('location')!
    expect(page).toContain(simulated.accounts.find(({ provider }) => provider === 'stripe')!.url)
    const paid = await fetch(page, {
      method: 'POST',
      body: new URLSearchParams({ do: 'pay', number: '4242 4242 4242 4242', email: 'a@example.com' }),
      redirect: 'manual',
    })
    expect(paid.status).toBe(303)
    const back = paid.headers.get('location')!
    const shown = async () => (await fetch(back)).text()
    await expect.poll(shown, { timeout: 30_000 }).toContain('<p id="status">paid</p>')
  })

  it('refuses what somebody else signs', async () => {
    const forged = await fetch(`${server.url}/tickets/payments/webhooks/stripe`, {
      method: 'POST',
      headers: { 'stripe-signature': `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}` },
      body: '{"id":"evt_1","type":"checkout.session.completed"}',
    })
    expect(forged.status).toBeGreaterThanOrEqual(400)
  })
})
