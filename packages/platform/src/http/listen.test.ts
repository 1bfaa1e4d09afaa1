import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { takeLongBody } from './body-time.ts'
import { type Listening, listen } from './listen.ts'
import { logFailure } from './render-error.ts'

/** A server whose `/slow` answers when the test says so. */
async function startSlow(options: { headMilliseconds?: number } = {}) {
  const entered = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  const app = new Hono()
  app.get('/slow', async (c) => {
    entered.resolve()
    return c.text(await answer.promise)
  })
  const listening = await listen({ app, host: '127.0.0.1', port: 0, ...options })
  return { listening, entered: entered.promise, answer: answer.resolve }
}

const urlOf = ({ port }: Listening, path: string) => `http://127.0.0.1:${port}${path}`

describe('the HTTP server', () => {
  it('finishes what is in flight when it stops, and takes nothing new', async () => {
    const { listening, entered, answer } = await startSlow()
    const inFlight = fetch(urlOf(listening, '/slow'))
    await entered
    const stopped = listening.stop(10_000)
    await expect(fetch(urlOf(listening, '/slow'))).rejects.toThrow()
    answer('done')
    expect(await (await inFlight).text()).toBe('done')
    await stopped
  })

  it('cuts what takes longer than the grace it was given', async () => {
    const { listening, entered } = await startSlow()
    const inFlight = fetch(urlOf(listening, '/slow'))
    const outcome = expect(inFlight).rejects.toThrow()
    await entered
    await listening.stop(50)
    await outcome
  })

  it('says which port is taken', async () => {
    const { listening } = await startSlow()
    const second = listen({ app: new Hono(), host: '127.0.0.1', port: listening.port })
    await expect(second).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(String(listening.port)),
    })
    await listening.stop(0)
  })

  it('says that an address is not this machine’s', async () => {
    const start = listen({ app: new Hono(), host: '192.0.2.1', port: 0 })
    await expect(start).rejects.toMatchObject({ code: 'port_forbidden' })
  })

  it('survives what is not HTTP', async () => {
    const { listening } = await startSlow()
    const answered = await new Promise<string>((resolve) => {
      const socket = connect(listening.port, '127.0.0.1', () => socket.end('\u0000\u0001 hello\r\n\r\n'))
      socket.on('data', (data) => resolve(String(data)))
    })
    expect(answered).toContain('400 Bad Request')
    expect(answered).toContain('"code":"not_http"')
    expect((await fetch(urlOf(listening, '/none'))).status).toBe(404)
    await listening.stop(0)
  })

  it('reads a filter by eight hundred ids, and tells a page of another origin when an address is too long', async () => {
    const { listening } = await startSlow()
    const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID()).join(',')
    expect((await fetch(urlOf(listening, `/none?id=in.(${ids(800)})`))).status).toBe(404)
    const refused = await fetch(urlOf(listening, `/none?id=in.(${ids(4_000)})`))
    expect(refused.status).toBe(431)
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
    expect(await refused.json()).toMatchObject({ code: 'head_too_large' })
    await listening.stop(0)
  })

  it('cuts a head that never ends', async () => {
    const { listening } = await startSlow({ headMilliseconds: 50 })
    expect(await exchange(listening, 'GET /slow HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toContain(
      '"code":"request_too_slow"',
    )
    await listening.stop(0)
  })

  it('cuts a body that does not come, and one that may take long only when nothing comes any more', async () => {
    const app = new Hono<{ Bindings: HttpBindings }>()
    app.post('/short', async (c) => c.text(await c.req.text()))
    app.post('/long', async (c) => {
      takeLongBody(c.env.incoming as IncomingMessage)
      return c.text(await c.req.text())
    })
    const bodyTime = { milliseconds: 100, least: 4 }
    const listening = await listen({ app, host: '127.0.0.1', port: 0, bodyTime })
    const begin = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n`
    expect(await exchange(listening, begin('/short'))).toContain('"code":"request_too_slow"')
    expect(await exchange(listening, begin('/long'))).toContain('"code":"request_too_slow"')
    const steady = await new Promise<string>((resolve) => {
      const socket = connect(listening.port, '127.0.0.1', () => socket.write(begin('/long')))
      let sent = 0
      const timer = setInterval(() => {
        if (sent < 40) socket.write('12345678')
        sent += 8
      }, 50)
      socket.on('data', (data) => {
        clearInterval(timer)
        socket.destroy()
        resolve(String(data))
      })
    })
    expect(steady).toContain('200 OK')
    await listening.stop(0)
  })

  it('puts nothing between the parts of an answer that is on its way', async () => {
    const app = new Hono()
    const rest = Promise.withResolvers<void>()
    app.get('/', () => {
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode('begun'))
          await rest.promise
          controller.close()
        },
      })
      return new Response(body)
    })
    const listening = await listen({ app, host: '127.0.0.1', port: 0 })
    const socket = connect(listening.port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    )
    let answered = ''
    for await (const part of socket) {
      answered += String(part)
      if (answered.endsWith('begun\r\n')) socket.write('no request at all\r\n\r\n')
    }
    expect(answered.match(/HTTP\/1\.1/g)).toHaveLength(1)
    rest.resolve()
    await listening.stop(0)
  })

  it('closes what it refused, though the client would keep it', async () => {
    const { listening } = await startSlow()
    const socket = connect({ port: listening.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    socket.write('no request at all\r\n\r\n')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const keep = setInterval(() => socket.write('x'), 50)
    await closed
    clearInterval(keep)
    await listening.stop(0)
  })

  it('blames nobody here when a client goes away while it sends', async () => {
    const failed = Promise.withResolvers<number>()
    const logged: string[] = []
    const log = pino({}, { write: (line: string) => logged.push(line) })
    const app = new Hono()
    app.post('/', async (c) => c.json((await c.req.arrayBuffer()).byteLength))
    app.onError((error, c) => {
      logFailure(log, error, 500)
      failed.resolve(500)
      return c.body(null, 500)
    })
    const listening = await listen({ app, host: '127.0.0.1', port: 0 })
    const socket = connect(listening.port, '127.0.0.1', () =>
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf', () => socket.destroy()),
    )
    await failed.promise
    expect(logged).toEqual([])
    logFailure(log, new Error('ours'), 500)
    expect(logged).toEqual([expect.stringContaining('ours')])
    await listening.stop(0)
  })

  it('answers HTTP/1.0 without a host, as load balancers ask', async () => {
    const { listening } = await startSlow()
    expect(await exchange(listening, 'GET /none HTTP/1.0\r\n\r\n')).toContain('404 Not Found')
    await listening.stop(0)
  })

  it.each([
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
    ['a length and chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['an unknown transfer encoding', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', 'X-A: b\r\n c: d\r\nContent-Length : 2\r\n\r\n{}'],
  ])('takes no request with %s, in which a second one could hide', async (_case, rest) => {
    const { listening } = await startSlow()
    const hidden = 'GET /none HTTP/1.1\r\nHost: x\r\n\r\n'
    const answered = await exchange(listening, `POST /slow HTTP/1.1\r\nHost: x\r\n${rest}${hidden}`)
    expect(answered.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
    await listening.stop(0)
  })
})

/** Everything that the server says to `text` until it closes the connection. */
function exchange(listening: Listening, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answered = ''
    const socket = connect(listening.port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (data) => {
      answered += String(data)
    })
    socket.on('close', () => resolve(answered))
  })
}
