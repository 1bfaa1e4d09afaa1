import { Worker } from 'node:worker_threads'
import { waitFor } from '@plinth/testing'
import { expect, it } from 'vitest'
import { createHashThreads } from './hash-threads.ts'

const echo = `require('node:worker_threads').parentPort.on('message', ({ password }) => {
  if (password === 'exit') process.exit(1)
  if (password === 'throw') throw new Error('broken')
  require('node:worker_threads').parentPort.postMessage(password)
})`

it('replaces a thread that died, and tells the caller whose task died with it', async () => {
  const started: Worker[] = []
  const threads = createHashThreads(() => {
    const worker = new Worker(echo, { eval: true })
    started.push(worker)
    return worker
  })
  expect(await threads.perform({ password: 'tea' })).toBe('tea')
  await expect(threads.perform({ password: 'exit' })).rejects.toThrow()
  expect(await threads.perform({ password: 'tea' })).toBe('tea')
  await expect(threads.perform({ password: 'throw' })).rejects.toThrow()
  expect(await threads.perform({ password: 'tea' })).toBe('tea')
  expect(started).toHaveLength(3)

  await started[2]!.terminate()
  await waitFor(async () => (await threads.perform({ password: 'tea' })) === 'tea')
  expect(started).toHaveLength(4)
  await started[3]!.terminate()
})
