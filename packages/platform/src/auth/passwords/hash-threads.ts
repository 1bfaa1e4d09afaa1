import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { HashTask } from './hash-task.ts'

/** Threads of low priority that hash passwords; started when needed, and no reason for the process to stay. */
export interface HashThreads {
  /** The result of a task. Its caller sees to it that no more run at once than there should be threads. */
  perform(task: HashTask): Promise<string | boolean>
}

interface HashThread {
  readonly worker: Worker
  /** Aborted when the thread is gone. */
  readonly gone: AbortSignal
}

const startWorker = () =>
  new Worker(new URL('./hash-worker.ts', import.meta.url), { name: 'passwords', execArgv: [] })

export function createHashThreads(start: () => Worker = startWorker): HashThreads {
  const idle: HashThread[] = []
  return {
    perform: async (task) => {
      const thread = idle.pop() ?? watch(start())
      const { worker, gone } = thread
      worker.ref()
      try {
        worker.postMessage(task)
        const [result] = await once(worker, 'message', { signal: gone })
        idle.push(thread)
        return result
      } finally {
        worker.unref()
      }
    },
  }

  /** A thread that dies takes its task with it, and nothing else. */
  function watch(worker: Worker): HashThread {
    const gone = new AbortController()
    const thread = { worker, gone: gone.signal }
    worker.on('error', (error) => gone.abort(error))
    worker.once('exit', () => {
      gone.abort()
      const index = idle.indexOf(thread)
      if (index >= 0) idle.splice(index, 1)
    })
    return thread
  }
}
