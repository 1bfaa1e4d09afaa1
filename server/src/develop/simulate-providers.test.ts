import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@plinth/platform/kernel'
import type { SystemDeclaration } from '@plinth/platform/system'
import { expect, it, onTestFinished } from 'vitest'
import { simulateProviders } from './simulate-providers.ts'

const system = (name: string, defaults?: object) =>
  ({ name, uses: [{ name: 'payments', ...(defaults ? { defaults } : {}) }] }) as unknown as SystemDeclaration
const names = ['shops', 'courses', 'notes']

async function configure(environment: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-simulated-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return readConfig({ PLINTH_DATA_DIR: folder, ...environment }, folder, names)
}

it('gives each system that takes payments accounts of its own, and the settings that lead to them', async () => {
  const config = await configure({ PLINTH_SHOPS_AUTH_SITE_URL: 'http://x.example' })
  const notes = { name: 'notes' } as SystemDeclaration
  const simulated = await simulateProviders(config, [system('shops'), system('courses'), notes])
  onTestFinished(simulated.stop)
  expect(simulated.accounts.map(({ system: of, provider }) => `${of} ${provider}`)).toEqual([
    'shops stripe',
    'shops razorpay',
    'courses stripe',
    'courses razorpay',
  ])
  const settings = simulated.config.settings['shops']!
  expect(settings).toMatchObject({
    PLINTH_SHOPS_AUTH_SITE_URL: 'http://x.example',
    PLINTH_SHOPS_PAYMENTS_STRIPE_BASE_URL: simulated.accounts[0]!.url,
    PLINTH_SHOPS_PAYMENTS_RAZORPAY_KEY_ID: 'rzp_test_simulator',
  })
  const key = settings['PLINTH_SHOPS_PAYMENTS_STRIPE_SECRET_KEY']!
  const answer = await fetch(`${simulated.accounts[0]!.url}/v1/balance`, {
    headers: { authorization: `Bearer ${key}` },
  })
  expect(answer.status).toBe(200)
})

it('never takes the place of a real account, wherever its keys are set', async () => {
  const config = await configure({ PLINTH_SHOPS_PAYMENTS_STRIPE_SECRET_KEY: 'sk_live_12345678' })
  await mkdir(join(config.dataDir, 'settings'))
  const kept = { 'payments.stripe.secretKey': { sealed: 'c2VhbGVk' } }
  await writeFile(join(config.dataDir, 'settings', 'notes.json'), JSON.stringify(kept))
  const simulated = await simulateProviders(config, [
    system('shops'),
    system('courses', { razorpay: { keyId: 'rzp_live_1' } }),
    system('notes'),
  ])
  onTestFinished(simulated.stop)
  expect(simulated.accounts.map(({ system: of, provider }) => `${of} ${provider}`)).toEqual([
    'shops razorpay',
    'courses stripe',
    'notes razorpay',
  ])
  expect(simulated.config.settings['shops']).toMatchObject({
    PLINTH_SHOPS_PAYMENTS_STRIPE_SECRET_KEY: 'sk_live_12345678',
  })
})

it('refuses to simulate on a server that others reach', async () => {
  const config = await configure({ PLINTH_PUBLIC_URL: 'https://shop.example.com' })
  await expect(simulateProviders(config, [system('shops')])).rejects.toMatchObject({
    code: 'simulation_in_public',
  })
})
