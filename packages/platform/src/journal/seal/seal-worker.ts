import { parentPort } from 'node:worker_threads'
import { type PackedBlocks, packBytes, unpackBlocks } from './packed-blocks.ts'
import { sealBlock } from './seal-block.ts'

/** Seals blocks off the main thread. */
parentPort?.on('message', (blocks: PackedBlocks) => {
  const sealed = packBytes(unpackBlocks(blocks).map(sealBlock))
  parentPort?.postMessage(sealed, [sealed.bytes.buffer, sealed.ends.buffer])
})
