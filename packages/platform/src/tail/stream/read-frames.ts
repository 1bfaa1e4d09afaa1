const headerBytes = 5

/**
 * Cuts what a PostgreSQL connection sends into messages: `onFrame(type, body)`, body without type and length.
 *
 * Bodies are views of what the socket gave and stay valid as long as they are kept. (pg's own parser reuses its buffer
 * and would overwrite them: a transaction's rows are kept until its commit and longer.)
 */
export function createFrameReader(onFrame: (type: number, body: Buffer) => void): (chunk: Buffer) => void {
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let wanted = headerBytes

  return (chunk) => {
    let buffer = chunk
    if (waitingBytes > 0) {
      waiting.push(chunk)
      waitingBytes += chunk.length
      if (waitingBytes < wanted) return
      buffer = Buffer.concat(waiting, waitingBytes)
    }
    let offset = 0
    wanted = headerBytes
    while (offset + headerBytes <= buffer.length) {
      const end = offset + 1 + buffer.readInt32BE(offset + 1)
      if (end > buffer.length) {
        wanted = end - offset
        break
      }
      onFrame(buffer[offset]!, buffer.subarray(offset + headerBytes, end))
      offset = end
    }
    waiting = offset < buffer.length ? [buffer.subarray(offset)] : []
    waitingBytes = buffer.length - offset
  }
}
