import { request } from 'node:http'
import { waitFor } from '@plinth/testing'
import { Hono } from 'hono'
import { expect, it, onTestFinished } from 'vitest'
import { createBodyRoom } from '../body-room.ts'
import { listen, type SurfaceEnv } from '../index.ts'
import { hostSurfaces, namedSurface } from './host-surfaces.ts'

const kilobyte = 1024
const size = 1024 * kilobyte

/** A surface that reads its body and then works on it until it is told to end; the room is 1 MiB. */
async function serveHolding(bodyLimit?: number) {
  const working = { count: 0 }
  const end = Promise.withResolvers<void>()
  const app = new Hono<SurfaceEnv>()
  app.onError((error) => surface.renderError(error, 'test'))
  app.post('*', async (c) => {
    const bytes = (await c.req.arrayBuffer()).byteLength
    working.count += 1
    await end.promise
    return c.json({ bytes })
  })
  const limits = bodyLimit === undefined ? {} : { bodyLimit: () => bodyLimit }
  const surface = namedSurface('/hold', { app, ...limits })
  const hosted = await hostSurfaces([{ name: 'shops', surfaces: [surface, namedSurface('/read')] }], {
    bodyRoomBytes: size,
    trustedProxies: 1,
  })
  const listening = await listen({ app: hosted.app, host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    end.resolve()
    await listening.stop(1_000)
    await hosted.remove()
  })
  const url = `http://127.0.0.1:${listening.port}/shops`
  const send = (path: string, bytes: number, { from = '192.0.2.1', chunked = false } = {}) =>
    new Promise<{ status?: number; code?: string; retryAfter?: string }>((resolve, reject) => {
      const length = chunked ? {} : { 'content-length': String(bytes) }
      const headers = { 'x-forwarded-for': from, ...length }
      // A connection of its own: what is refused in the middle may end with its connection.
      const asked = request(`${url}${path}`, { method: 'POST', headers, agent: false })
      asked.on('error', reject)
      asked.on('response', async (answer) => {
        const { code } = JSON.parse(Buffer.concat(await answer.toArray()).toString())
        resolve({ status: answer.statusCode!, code, retryAfter: answer.headers['retry-after']! })
      })
      asked.end('x'.repeat(bytes))
    })
  return { url, send, end: end.resolve, working }
}

const busy = { status: 503, code: 'bodies_busy', retryAfter: '2' }

it.each([false, true])(
  'large bodies beyond the room are refused until one is done (chunked: %s)',
  async (chunked) => {
    const { send, end, working } = await serveHolding()
    const held = ['192.0.2.1', '192.0.2.2'].map((from) => send('/hold', 400 * kilobyte, { from, chunked }))
    await waitFor(() => working.count === 2)
    expect(await send('/read', 400 * kilobyte, { from: '192.0.2.3', chunked })).toEqual(busy)
    // What a sign-in needs goes through whatever else is held.
    expect(await send('/read', 60 * kilobyte, { from: '192.0.2.3' })).toMatchObject({ status: 200 })
    end()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200])
    expect(await send('/read', 400 * kilobyte, { chunked })).toMatchObject({ status: 200 })
  },
)

it('one address has at most half of it', async () => {
  const { send, working } = await serveHolding()
  void send('/hold', 300 * kilobyte)
  await waitFor(() => working.count === 1)
  expect(await send('/read', 300 * kilobyte)).toEqual(busy)
  expect(await send('/read', 300 * kilobyte, { from: '192.0.2.2' })).toMatchObject({ status: 200 })
})

it('a body that is larger than the room is read when it is alone, and takes it all', async () => {
  const { send, end, working } = await serveHolding(4 * size)
  const large = send('/hold', 3 * size)
  await waitFor(() => working.count === 1)
  expect(await send('/read', 100 * kilobyte, { from: '192.0.2.2' })).toEqual(busy)
  end()
  expect(await large).toMatchObject({ status: 200 })
})

it('what was announced and has not come takes no room, and what came goes when its client does', async () => {
  const { url, send } = await serveHolding()
  const announce = (from: string, bytes: number, sent: number) => {
    const headers = { 'content-length': String(bytes), 'x-forwarded-for': from }
    const asked = request(`${url}/hold`, { method: 'POST', headers })
    asked.on('error', () => undefined)
    asked.write('x'.repeat(sent))
    return asked
  }
  const idle = [1, 2, 3].map(() => announce('192.0.2.9', 500 * kilobyte, 10))
  const half = announce('192.0.2.8', 900 * kilobyte, 800 * kilobyte)
  const other = () => send('/read', 400 * kilobyte, { from: '192.0.2.2' })
  await waitFor(async () => (await other()).status === 503, { what: 'the half body to be held' })
  half.destroy()
  await waitFor(async () => (await other()).status === 200, { what: 'its room' })
  for (const asked of idle) asked.destroy()
})

it('nothing is taken twice, and nothing after a place was left', () => {
  const room = createBodyRoom(100)
  const [first, second] = [room.enter('a'), room.enter('b')]
  expect([first.take(60), first.take(60), second.take(40), second.take(1)]).toEqual([
    true,
    true,
    false,
    false,
  ])
  first.leave()
  first.leave()
  expect([first.take(1), second.take(100), room.enter('c').fits(1)]).toEqual([false, true, false])
  second.leave()
  expect(room.enter('c').take(100)).toBe(true)
})
