/** What becomes of the messages of a connection. */
export interface FrameHandlers {
  /** A message: its body, without type and length, lies from `start` to `end`. */
  onFrame(type: number, bytes: Buffer, start: number, end: number): void
  /** The beginning of the body of a message that is too large, which is passed over. */
  onOversized(type: number, beginning: Buffer): void
}

/** Type and length. */
const headerBytes = 5
/** Of a message that is too large, so much is given to tell what it was. */
const shownBytes = 64

/**
 * Cuts what a PostgreSQL connection sends into messages of up to `mostBytes`.
 *
 * Bodies are views of what the socket gave and stay valid as long as they are kept. (pg's own parser reuses its buffer
 * and would overwrite them: a transaction's rows are kept until they are stored.) Only a message that the network cut
 * is put together anew.
 */
export function createFrameReader(handlers: FrameHandlers, mostBytes: number): (bytes: Buffer) => void {
  /** A message of which not all has come, or the beginning of one that is too large. */
  let pieces: Buffer[] = []
  let heldBytes = 0
  /** How much of it has to be held before it can go on. */
  let wanted = headerBytes
  /** Bytes of a message that is too large which are still to come. */
  let passing = 0

  function pass(bytes: Buffer, offset: number): number {
    const passed = Math.min(passing, bytes.length - offset)
    passing -= passed
    return offset + passed
  }

  /** Whole messages, as they lie in `bytes`; what goes beyond is held. */
  function cut(bytes: Buffer, from: number): number {
    let offset = from
    while (offset + headerBytes <= bytes.length) {
      const length = lengthAt(bytes, offset)
      if (length > mostBytes || offset + length > bytes.length) break
      handlers.onFrame(bytes[offset]!, bytes, offset + headerBytes, offset + length)
      offset += length
    }
    return offset < bytes.length ? add(bytes, offset) : offset
  }

  /** Adds to what is held. */
  function add(bytes: Buffer, offset: number): number {
    const piece = bytes.subarray(offset, offset + wanted - heldBytes)
    pieces.push(piece)
    heldBytes += piece.length
    if (heldBytes === wanted) go(Buffer.concat(pieces, heldBytes))
    return offset + piece.length
  }

  /** All that was wanted is there: a header, then a message or the beginning of one that is too large. */
  function go(held: Buffer): void {
    const length = lengthAt(held, 0)
    const isOversized = length > mostBytes
    pieces = [held]
    wanted = isOversized ? headerBytes + shownBytes : length
    if (heldBytes < wanted) return
    pieces = []
    heldBytes = 0
    wanted = headerBytes
    passing = length - held.length
    if (isOversized) handlers.onOversized(held[0]!, held.subarray(headerBytes))
    else handlers.onFrame(held[0]!, held, headerBytes, length)
  }

  return (bytes) => {
    let offset = 0
    while (offset < bytes.length) {
      if (passing > 0) offset = pass(bytes, offset)
      else offset = heldBytes > 0 ? add(bytes, offset) : cut(bytes, offset)
    }
  }
}

/** Of a whole message, its type included. */
const lengthAt = (bytes: Buffer, offset: number): number => 1 + bytes.readInt32BE(offset + 1)
