import { connect } from 'node:net'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { type Listening, listen } from './listen.ts'

const onUpgrade = (_request: unknown, socket: { destroy(): void }) => socket.destroy()

/** A server whose `/slow` answers when the test says so. */
async function startSlow() {
  const entered = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  const app = new Hono()
  app.get('/slow', async (c) => {
    entered.resolve()
    return c.text(await answer.promise)
  })
  const listening = await listen({ app, host: '127.0.0.1', port: 0, onUpgrade })
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
    const second = listen({ app: new Hono(), host: '127.0.0.1', port: listening.port, onUpgrade })
    await expect(second).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(String(listening.port)),
    })
    await listening.stop(0)
  })

  it('says that an address is not this machine’s', async () => {
    const start = listen({ app: new Hono(), host: '192.0.2.1', port: 0, onUpgrade })
    await expect(start).rejects.toMatchObject({ code: 'port_forbidden' })
  })

  it('survives what is not HTTP', async () => {
    const { listening } = await startSlow()
    const answered = await new Promise<string>((resolve) => {
      const socket = connect(listening.port, '127.0.0.1', () => socket.end('\u0000\u0001 hello\r\n\r\n'))
      socket.on('data', (data) => resolve(String(data)))
    })
    expect(answered).toContain('400 Bad Request')
    expect((await fetch(urlOf(listening, '/none'))).status).toBe(404)
    await listening.stop(0)
  })
})
