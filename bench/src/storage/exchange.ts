import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'

/** What is sent: one chunk, so many times. */
export interface Sent {
  readonly chunk: Buffer
  readonly times: number
}

/** One request, with as little of a client as there can be; what comes back is counted and dropped. */
export async function exchange(
  url: string,
  method: string,
  headers: Record<string, string>,
  sent?: Sent,
): Promise<number> {
  const length = sent ? { 'content-length': String(sent.chunk.length * sent.times) } : {}
  const outgoing = request(url, { method, headers: { ...headers, ...length } })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  for (let time = 0; sent && time < sent.times; time++)
    if (!outgoing.write(sent.chunk)) await once(outgoing, 'drain')
  outgoing.end()
  const [answer] = await answered
  let bytes = 0
  for await (const chunk of answer) bytes += (chunk as Buffer).length
  if (answer.statusCode! >= 300) throw new Error(`${method} ${url} answered ${answer.statusCode}`)
  return bytes
}
