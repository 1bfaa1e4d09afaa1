import type { Context, MiddlewareHandler } from 'hono'
import type { BodyPlace, BodyRoom } from './body-room.ts'
import { httpErrors } from './errors.ts'

/** What a body may take, and where it counts. */
export interface BodyBounds {
  /** Bytes; Infinity for a body that is handed on in pieces, which also takes no room. */
  readonly limit: number
  /** Undefined where the body has a place already. */
  readonly room?: BodyRoom | undefined
  /** Whose bytes they are: the client's address. */
  readonly holder?: string | undefined
}

/** Bytes of a body that takes no room: it is about what a connection itself takes. */
const smallBody = 65_536

/** Refuses a body of more than `limit` bytes with `body_too_large`, and one for which there is no room with `bodies_busy`. */
export function limitBody(limit: number, room?: BodyRoom): MiddlewareHandler {
  return (c, next) => {
    const place = boundBody(c, { limit, room, holder: c.get('clientAddress') })
    return place ? next().finally(place.leave) : next()
  }
}

/**
 * As {@link limitBody}, at once: a body whose length is known is refused before anything of it is read; one without a
 * length, and one that meets with too many others, fails in the middle for whoever reads it. Gives the place of a body that
 * takes room; whoever has dealt with the request leaves it.
 */
export function boundBody(c: Context, { limit, room, holder = '' }: BodyBounds): BodyPlace | undefined {
  if (limit === Infinity) return undefined
  const length = lengthOf(c)
  if (length !== undefined) {
    if (length > limit) throw httpErrors.body_too_large({ limit })
    if (length <= smallBody || !room) return undefined
  }
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return undefined
  const place = room?.enter(holder)
  if (length !== undefined && !place?.fits(length)) throw httpErrors.bodies_busy({ seconds: retrySeconds })
  // Asked for last: a body that nobody has asked for is read past by the server, and its connection goes on.
  if (!c.req.raw.body) return undefined
  const refuse = (bytes: number, all: number): Error | undefined => {
    if (all > limit) return httpErrors.body_too_large({ limit })
    return !place || place.take(bytes) ? undefined : httpErrors.bodies_busy({ seconds: retrySeconds })
  }
  c.req.raw = new Request(c.req.raw, { body: countBytes(c.req.raw.body, refuse), duplex: 'half' })
  return place
}

/** When a client that found no room is to ask again. */
const retrySeconds = 2

function lengthOf(c: Context): number | undefined {
  const length = c.req.header('content-length')
  return length === undefined || c.req.header('transfer-encoding') !== undefined ? undefined : Number(length)
}

/** Reads ahead of nobody: a body that is refused unread is not asked for. */
function countBytes(
  body: ReadableStream<Uint8Array>,
  refuse: (bytes: number, all: number) => Error | undefined,
) {
  const reader = body.getReader()
  let all = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        all += value.byteLength
        const refusal = refuse(value.byteLength, all)
        if (!refusal) return controller.enqueue(value)
        controller.error(refusal)
        void discard(reader)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/** Bytes of a refused body that are read past; a client that sends more is cut off. */
const mostDiscarded = 16 * 1024 * 1024

/** Reads past what a client still sends: cut off at once, it would not see why. */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    for (let bytes = 0; bytes < mostDiscarded; ) {
      const { done, value } = await reader.read()
      if (done) return
      bytes += value.byteLength
    }
    await reader.cancel()
  } catch {
    // The client has gone.
  }
}
