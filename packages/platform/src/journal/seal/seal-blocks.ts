import { Worker } from 'node:worker_threads'
import { createTurns } from '../../kernel/index.ts'
import { type PackedBlocks, type PackedBytes, packBlocks, unpackBytes } from './packed-blocks.ts'
import { type BlockToSeal, sealBlock } from './seal-block.ts'

/** Starting a thread and talking to it takes as long as so many blocks. */
const worthAThread = 256
/** An idle thread ends. Milliseconds. */
const idleMilliseconds = 30_000

/** Blocks as they stand in images. Many are sealed in a thread of their own: 25,000 a second are all that one gives. */
export async function sealBlocks(blocks: readonly BlockToSeal[]): Promise<readonly Buffer[]> {
  if (blocks.length >= worthAThread) return unpackBytes(await inThread(packBlocks(blocks)))
  const turns = createTurns()
  const sealed: Buffer[] = []
  for (const block of blocks) {
    sealed.push(sealBlock(block))
    if (turns.isDue()) await turns.take()
  }
  return sealed
}

interface SealingThread {
  readonly worker: Worker
  readonly waiting: PromiseWithResolvers<PackedBytes>[]
  idle: NodeJS.Timeout | undefined
}

/** One for the process; it answers in the order in which it is asked. */
let thread: SealingThread | null = null

function inThread(blocks: PackedBlocks): Promise<PackedBytes> {
  thread ??= startThread()
  const { worker, waiting, idle } = thread
  clearTimeout(idle)
  worker.ref()
  const answer = Promise.withResolvers<PackedBytes>()
  waiting.push(answer)
  const { contents, keys, places } = blocks
  const moved = [contents.bytes, contents.ends, keys.bytes, keys.ends, places].map(({ buffer }) => buffer)
  worker.postMessage(blocks, moved)
  return answer.promise
}

function startThread(): SealingThread {
  const worker = new Worker(new URL('./seal-worker.ts', import.meta.url), {
    name: 'seal',
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 64 },
  })
  const started: SealingThread = { worker, waiting: [], idle: undefined }
  const end = (reason: unknown) => {
    if (thread === started) thread = null
    clearTimeout(started.idle)
    for (const { reject } of started.waiting.splice(0)) reject(reason)
  }
  worker.on('message', (sealed: PackedBytes) => {
    started.waiting.shift()?.resolve(sealed)
    if (started.waiting.length > 0) return
    worker.unref()
    started.idle = setTimeout(() => {
      end(new Error('the thread that seals was idle'))
      void worker.terminate()
    }, idleMilliseconds)
    started.idle.unref()
  })
  worker.on('error', end)
  worker.on('exit', (code) => end(new Error(`the thread that seals ended with code ${code}`)))
  return started
}
