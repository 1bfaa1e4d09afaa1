import type { lookup } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postWebhook, publicLookup } from './post-webhook.ts'
import { isPrivateHost, isPublicAddress } from './public-addresses.ts'

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '127.1.2.3',
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    'fc00::1',
    'fd12::1',
    'fe80::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::1',
    'localhost',
    '',
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  it.each([
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '192.0.1.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each([
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://a.localhost/',
    'http://127.0.0.1./',
  ])('%s is seen through', (url) => {
    expect(isPrivateHost(new URL(url).hostname)).toBe(true)
  })
})

describe('a webhook', () => {
  let port: number
  let posts = 0
  const server = createServer((_, outgoing) => {
    posts++
    outgoing.writeHead(302, { location: 'http://127.0.0.1/elsewhere' }).end()
  })
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => void server.close())

  /** A resolver that gives these addresses, one set at each question. */
  const answering = (...answers: readonly string[][]) => {
    let asked = 0
    const resolve = (_host: string, _options: object, done: (error: null, found: object[]) => void) => {
      const found = answers[Math.min(asked++, answers.length - 1)]!
      done(
        null,
        found.map((address) => ({ address, family: 4 })),
      )
    }
    return { resolve: resolve as unknown as typeof lookup, asked: () => asked }
  }
  const post = (host: string, given: { privateAddresses?: boolean; resolve?: typeof lookup } = {}) =>
    postWebhook(`http://${host}:${port}/`, {
      headers: {},
      body: '{}',
      privateAddresses: false,
      signal: AbortSignal.timeout(5_000),
      ...given,
    })

  it('does not go to this machine, however its address is written or resolved', async () => {
    const private_ = { code: 'webhook_address_private' }
    await expect(post('127.0.0.1')).rejects.toMatchObject(private_)
    await expect(post('localhost')).rejects.toMatchObject(private_)
    const { resolve } = answering(['127.0.0.1', '10.0.0.1'])
    await expect(post('hooks.example', { resolve })).rejects.toMatchObject(private_)
    expect(posts).toBe(0)
  })

  it('is connected to addresses that were checked, and to no other that the name has', async () => {
    const { resolve, asked } = answering(['10.0.0.1', '192.0.1.1', '127.0.0.1'], ['127.0.0.1'])
    const given = await new Promise((done) =>
      publicLookup(resolve)('hooks.example', { all: true }, (_error, found) => done(found)),
    )
    expect(given).toEqual([{ address: '192.0.1.1', family: 4 }])
    expect(asked()).toBe(1)
  })

  it('goes where it is allowed, and follows no redirect', async () => {
    expect(await post('127.0.0.1', { privateAddresses: true })).toBe(302)
    expect(posts).toBe(1)
  })
})
