import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startStripe } from '@plinth/simulators'
import { Command } from 'commander'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { addSimulateCommand } from './simulate.ts'

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-simulate-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  vi.stubEnv('PLINTH_DATA_DIR', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  process.exitCode = 0
})

/** Runs `plinth simulate …`; gives what it printed. */
async function simulate(...given: string[]): Promise<string> {
  const printed: string[] = []
  const write = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((chunk) => printed.push(String(chunk)) > 0)
  try {
    const program = new Command()
    addSimulateCommand(program)
    await program.parseAsync(['simulate', ...given], { from: 'user' })
  } finally {
    write.mockRestore()
  }
  return printed.join('')
}

/** An endpoint that answers with a status, and remembers the types that arrived. */
async function listenForEvents(status = 200) {
  const types: string[] = []
  const server = createServer(async (request, response) => {
    const { type, event } = JSON.parse(await text(request)) as { type?: string; event?: string }
    types.push(type ?? event ?? '')
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, types }
}

it('plays a story to an address, each event three times and shuffled', async () => {
  const { url, types } = await listenForEvents()
  await simulate(
    'stripe',
    'checkout.completed',
    '--times',
    '3',
    '--shuffle',
    '--to',
    url,
    '--secret',
    'whsec_x',
  )
  expect(types).toHaveLength(21)
  expect(types.filter((type) => type === 'checkout.session.completed')).toHaveLength(3)
  await simulate(
    'razorpay',
    'payment.captured',
    '--to',
    url,
    '--secret',
    's',
    '--amount',
    '5000',
    '--metadata',
    'a=b',
  )
  expect(types.slice(21)).toEqual(['payment.authorized', 'payment.captured', 'order.paid'])
})

it('plays on a simulator that runs, and ends with 1 when an event was not taken', async () => {
  const { url } = await listenForEvents(500)
  const simulator = await startStripe({ webhooks: [{ url, secret: 'whsec_x' }] })
  onTestFinished(simulator.stop)
  const shown = await simulate('stripe', 'checkout.expired', '--at', simulator.url, '--json')
  expect(JSON.parse(shown)).toContainEqual(
    expect.objectContaining({ type: 'checkout.session.expired', answer: 500 }),
  )
  expect(process.exitCode).toBe(1)
})

it.each([
  [['paypal', 'x'], 'unknown_provider'],
  [['stripe', 'x', '--to', 'http://127.0.0.1:1/'], 'unknown_scenario'],
  [['stripe', 'checkout.completed'], 'no_simulator'],
  [['stripe', 'checkout.completed', '--at', 'http://127.0.0.1:1'], 'no_simulator'],
  [['stripe', 'checkout.completed', '--metadata', 'nothing'], 'invalid_metadata'],
])('%j is refused with %s', async (given, code) => {
  await expect(simulate(...given)).rejects.toMatchObject({ code })
})

it('passes on why a story cannot be played', async () => {
  const simulator = await startStripe()
  onTestFinished(simulator.stop)
  const refused = simulate('stripe', 'checkout.completed', '--at', simulator.url, '--times', '1000')
  await expect(refused).rejects.toMatchObject({ code: 'simulation_failed' })
  const unknown = simulate('stripe', 'nothing', '--at', simulator.url)
  await expect(unknown).rejects.toMatchObject({ code: 'unknown_scenario' })
})
