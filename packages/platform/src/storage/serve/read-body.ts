import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { SurfaceEnv } from '../../http/index.ts'
import { storageErrors } from '../errors.ts'

/** The body as it comes, and how long it says it is. Fails with `no_content` where there is none. */
export function openBody(c: Context<SurfaceEnv>): { readonly stream: Readable; readonly length?: number } {
  const incoming = (c.env as Partial<HttpBindings> | undefined)?.incoming as IncomingMessage | undefined
  const length = c.req.header('content-length')
  const known =
    length === undefined || c.req.header('transfer-encoding') !== undefined ? {} : { length: Number(length) }
  if (incoming) return { stream: incoming, ...known }
  if (!c.req.raw.body) throw storageErrors.no_content()
  return { stream: Readable.fromWeb(c.req.raw.body as import('node:stream/web').ReadableStream), ...known }
}

/** The chunks of a body. Fails with `upload_interrupted` when the client goes before its end. */
export async function* readChunks(stream: Readable): AsyncIterable<Buffer> {
  try {
    // A body that is refused in the middle leaves its connection open for the answer.
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (error) {
    throw isBreak(error) ? storageErrors.upload_interrupted({}, error) : error
  }
}

const isBreak = (error: unknown): boolean =>
  ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR', 'EPIPE'].includes(
    (error as { code?: string }).code ?? '',
  )
