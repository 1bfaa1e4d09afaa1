import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { conversation, hostileTargets, perform } from '@plinth/testing/raw-sockets'
import fc from 'fast-check'
import { Hono } from 'hono'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../kernel/index.ts'
import { createApp } from './create-app.ts'
import { httpErrors } from './errors.ts'
import { openProjectKeys } from './keys/create-project-keys.ts'
import { type Listening, listen } from './listen.ts'
import { createProjectDirectory } from './project-directory.ts'
import { renderPlainError } from './render-error.ts'
import type { Surface, SurfaceEnv } from './surface.ts'
import { createUpgrades } from './upgrade.ts'

/** A surface that lets in at `/socket`, tells what it was given, and fails elsewhere. */
const liveSurface: Surface = {
  path: '/live/v1',
  app: new Hono<SurfaceEnv>().get('/page', (c) => c.text('a page')),
  needsKey: () => false,
  renderError: renderPlainError,
  handleUpgrade: async ({ socket, path, query, clientAddress }) => {
    if (path === '/fail') throw new Error('the password is hunter2')
    if (path !== '/socket') throw httpErrors.not_found({ path })
    const told = JSON.stringify({ path, name: query.get('name'), clientAddress })
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n${told}`)
    if (query.get('stay') === null) socket.end()
  },
}

const quietSurface: Surface = {
  path: '/quiet/v1',
  app: new Hono<SurfaceEnv>(),
  needsKey: () => false,
  renderError: renderPlainError,
}

const upgradeTo = (target: string, headers = '') =>
  `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`

describe('what leaves HTTP', () => {
  const logged: string[] = []
  let folder: string
  let listening: Listening

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-upgrade-'))
    const keys = await openProjectKeys('shops', join(folder, 'shops'), systemClock)
    const project = {
      name: 'shops',
      keys,
      functionNames: new Set<string>(),
      surfaces: [liveSurface, quietSurface],
    }
    const other = { ...project, name: 'courses' }
    const directory = createProjectDirectory([project, other])
    const log = pino({}, { write: (line: string) => logged.push(line) })
    const app = createApp({ directory, health: [], clock: systemClock, log })
    const onUpgrade = createUpgrades({ directory, log, trustedProxies: 1 })
    listening = await listen({ app, onUpgrade, host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    await listening.stop(0)
    await rm(folder, { recursive: true })
  })

  const say = (text: string) => perform(listening.port, [{ say: text }, 'read'])
  const expectAnswers = async () => {
    const response = await fetch(`http://127.0.0.1:${listening.port}/health/live`)
    expect(response.status).toBe(200)
  }

  it('comes to the surface of its path, with its query and the client’s address', async () => {
    const text = await say(
      upgradeTo('/shops/live/v1/socket?name=a%20b#x', 'X-Forwarded-For: 203.0.113.9\r\n'),
    )
    expect(text).toContain('101 Switching Protocols')
    expect(text).toContain('{"path":"/socket","name":"a b","clientAddress":"203.0.113.9"}')
    expect(await say(upgradeTo('http://x.example/shops/live/v1/socket'))).toContain('101 ')
  })

  it.each([
    ['/shops/live/v1/elsewhere', 404, 'not_found'],
    ['/shops/quiet/v1/socket', 400, 'no_upgrade'],
    ['/shops/live/v1', 400, 'no_upgrade'],
    ['/nowhere/live/v1/socket', 404, 'unknown_project'],
  ])('is refused at %s, in a whole answer over HTTP', async (target, status, code) => {
    const text = await say(upgradeTo(target))
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).toContain(`"code":"${code}"`)
    expect(text).toMatch(/^access-control-allow-origin: \*\r$/m)
    expect(text).toMatch(/^x-content-type-options: nosniff\r$/m)
    expect(text).toMatch(/^x-request-id: [\w-]{36}\r$/m)
    expect(text).toMatch(/^connection: close\r$/m)
  })

  it.each(hostileTargets.map((target) => [target.slice(0, 40), target]))(
    'is refused at %s, which no parser has to like',
    async (_shown, target) => {
      expect(await say(upgradeTo(target))).toMatch(/^HTTP\/1\.1 4\d\d /)
      await expectAnswers()
    },
  )

  it('hides what failed inside, and logs it under the id that the client is told', async () => {
    const text = await say(upgradeTo('/shops/live/v1/fail'))
    expect(text).toMatch(/^HTTP\/1\.1 500 /)
    expect(text).not.toContain('hunter2')
    const id = /x-request-id: (\S+)/.exec(text)?.[1]
    expect(logged.filter((line) => line.includes('hunter2') && line.includes(id ?? 'none'))).toHaveLength(1)
  })

  it('is an ordinary request when it only offers another protocol, as Java’s client does', async () => {
    const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n'
    const text = await say(`GET /shops/live/v1/page HTTP/1.1\r\nHost: x\r\n${offer}\r\n`)
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text).toContain('a page')
  })

  it('is no tunnel', async () => {
    const text = await say('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 405 /)
    expect(text).toContain('"code":"no_tunnel"')
  })

  it.each(['/nowhere', '/shops/live/v1/socket?stay', '/shops/live/v1/fail'])(
    'does no harm when the client resets the connection to %s at any moment',
    async (target) => {
      const text = upgradeTo(target)
      const attempts = Array.from({ length: 60 }, (_, attempt) => {
        const cut = Math.ceil((text.length * (attempt + 1)) / 60)
        return attempt % 3 === 0
          ? perform(listening.port, [{ say: text }, 'reset'])
          : attempt % 3 === 1
            ? perform(listening.port, [{ say: text.slice(0, cut) }, { say: text.slice(cut) }, 'reset'])
            : perform(listening.port, [{ say: text }, 'end', 'read', { say: 'more' }, 'reset'])
      })
      await Promise.all(attempts)
      await expectAnswers()
    },
  )

  it('is cut a second after its refusal, though the client neither reads nor goes', async () => {
    const socket = connect({ port: listening.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    socket.write(upgradeTo('/nowhere'))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const keep = setInterval(() => socket.write('x'), 50)
    await closed
    clearInterval(keep)
  })

  it('does not keep the server from stopping', async () => {
    const app = new Hono()
    const directory = createProjectDirectory([
      { name: 'shops', functionNames: new Set<string>(), surfaces: [liveSurface] } as never,
    ])
    const onUpgrade = createUpgrades({ directory, log: pino({ level: 'silent' }) })
    const second = await listen({ app, onUpgrade, host: '127.0.0.1', port: 0 })
    const socket = connect(second.port, '127.0.0.1', () =>
      socket.write(upgradeTo('/shops/live/v1/socket?stay')),
    )
    await new Promise((resolve) => socket.once('data', resolve))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await Promise.all([second.stop(20), closed])
  })

  it('survives any conversation', async () => {
    const targets = [
      '/shops/live/v1/socket',
      '/shops/live/v1/socket?stay',
      '/shops/live/v1/fail',
      '/health/live',
    ]
    await fc.assert(
      fc.asyncProperty(fc.array(conversation(targets), { minLength: 20, maxLength: 40 }), async (clients) => {
        await Promise.all(clients.map((steps) => perform(listening.port, steps, 100)))
        await expectAnswers()
      }),
      { numRuns: 15, seed: 20_261_121, endOnFailure: true },
    )
  })
})
