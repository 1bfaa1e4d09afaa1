import { type Agent, request } from 'node:http'
import { perform } from '@plinth/testing/raw-sockets'
import { WebSocket } from 'ws'
import {
  type Answer,
  bytesOf,
  type Case,
  type HttpCase,
  type RealtimeCase,
  type SequenceCase,
  textOf,
} from './case.ts'

/** A client waits so long for an answer, milliseconds; then the server hangs. */
const patience = 20_000
/** A client that waits for a word goes on after so many milliseconds: most have said nothing that is answered. */
const shortPatience = 100
/** Characters of an answer that are kept; its beginning says what failed. */
const mostText = 10_000
const none: Answer = { status: 0, text: '' }

/** Plays a case against a port of this machine. Undefined when no client could send it. */
export async function play(port: number, played: Case, agent: Agent): Promise<Answer | undefined> {
  if (played.kind === 'http') return ask(port, played, agent)
  if (played.kind === 'sequence') return askInTurn(port, played, agent)
  if (played.kind === 'realtime') return talk(port, played)
  await Promise.all(played.clients.map((steps) => perform(port, steps, shortPatience)))
  return none
}

/** One request after the other; gives the worst answer. */
async function askInTurn(
  port: number,
  { requests }: SequenceCase,
  agent: Agent,
): Promise<Answer | undefined> {
  let worst: Answer | undefined
  let location: string | undefined
  for (const request of requests) {
    const answer = await ask(port, request, agent, location)
    location ??= answer?.location
    if (answer && answer.status >= (worst?.status ?? 0)) worst = answer
  }
  return worst
}

/**
 * One request. Undefined when no client could send it; status 0 when the connection ended before an answer. `location`: of
 * an earlier answer; `longest`: characters of the answer that are kept.
 */
export function ask(
  port: number,
  { method, target, headers, body }: HttpCase,
  agent: Agent | false,
  location?: string,
  longest = mostText,
): Promise<Answer | undefined> {
  const sent = body === undefined ? undefined : bytesOf(body)
  const path =
    typeof target === 'object' && 'location' in target ? (location ?? target.location) : textOf(target)
  const length = sent ? { 'content-length': String(sent.length) } : {}
  const shown = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, textOf(value)]))
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { ...shown, ...length },
      agent,
    }
    const asking = attempt(() => request(options))
    if (!asking) return resolve(undefined)
    asking.setTimeout(patience, () => asking.destroy(new Error('no answer in 20 s')))
    asking.on('response', (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (part: string) => {
        if (text.length < longest) text += part
      })
      const seen = () => resolve({ status: response.statusCode!, text, location: response.headers.location })
      response.on('end', seen)
      response.on('error', seen)
    })
    asking.on('error', (error) => {
      if (error.message === 'no answer in 20 s') reject(error)
      else resolve(none)
    })
    asking.end(sent)
  })
}

/** Node's client refuses to send some headers and paths. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

/** Says every frame, then asks for a heartbeat: answered or closed, the server has read all of it. */
function talk(port: number, { target, frames, ending }: RealtimeCase): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`)
    const late = setTimeout(() => {
      socket.terminate()
      reject(new Error('no answer in 20 s'))
    }, patience)
    const over = () => {
      clearTimeout(late)
      resolve(none)
    }
    socket.on('error', () => undefined)
    socket.on('close', over)
    socket.on('open', () => {
      for (const frame of frames)
        socket.send(typeof frame === 'object' && 'bytes' in frame ? bytesOf(frame) : textOf(frame))
      socket.send(heartbeats[target.includes('vsn=1') ? 1 : 2])
    })
    socket.on('message', (data) => {
      if (!String(data).includes('last')) return
      if (ending === 'close') socket.close()
      else socket.terminate()
    })
  })
}

/** As each version of the protocol writes it. */
const heartbeats = {
  1: JSON.stringify({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: 'last' }),
  2: JSON.stringify([null, 'last', 'phoenix', 'heartbeat', {}]),
}
