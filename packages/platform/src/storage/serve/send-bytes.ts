import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { SurfaceEnv } from '../../http/index.ts'

export interface BytesAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Undefined for an answer without a body: HEAD, 304. */
  readonly body: Readable | undefined
  /** Told how many bytes went out, at the end or when the client left. */
  readonly onSent?: (bytes: number) => void
}

/**
 * Answers with a stream. Where there is a socket the stream goes straight to it: as the body of a Response every chunk would
 * pass a web stream, which halves the rate.
 */
export async function sendBytes(c: Context<SurfaceEnv>, answer: BytesAnswer): Promise<Response> {
  const outgoing = (c.env as Partial<HttpBindings> | undefined)?.outgoing as ServerResponse | undefined
  const { status, headers, body } = answer
  if (!body) return c.newResponse(null, status as 200, headers)
  if (!outgoing)
    return c.newResponse(Readable.toWeb(counted(answer)) as ReadableStream, status as 200, headers)
  outgoing.writeHead(status, headers)
  try {
    await pipeline(counted(answer), outgoing)
  } catch (error) {
    // The head is out: all that is left is to cut the connection, which the client sees as an answer that is too short.
    outgoing.destroy()
    if (!isClientGone(error)) c.var.log.error({ err: error }, 'a download failed')
  }
  return RESPONSE_ALREADY_SENT
}

function counted({ body, onSent }: BytesAnswer): Readable {
  if (!onSent) return body!
  let bytes = 0
  body!.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  body!.pause()
  body!.once('close', () => onSent(bytes))
  return body!
}

const isClientGone = (error: unknown): boolean =>
  ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes((error as { code?: string }).code ?? '')
