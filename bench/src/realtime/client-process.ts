import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answer, Counted, Request } from './clients.ts'

/** Clients in another process. */
export interface Clients {
  /** Opens one connection per greeting and waits until each has been answered. */
  open(port: number, path: string, greetings: readonly string[]): Promise<void>
  /** Forgets the frames that have come so far. */
  forget(): void
  /** Resolves when so many frames have come, on all connections together. */
  count(frames: number): Promise<Counted>
  send(frame: string, times: number): void
  close(): void
  end(): void
}

export function startClients(): Clients {
  const child: ChildProcess = fork(fileURLToPath(new URL('./clients.ts', import.meta.url)))
  const request = (message: Request) => child.send(message)
  const next = <K extends Answer['kind']>(kind: K) =>
    new Promise<Extract<Answer, { kind: K }>>((resolve) => {
      const hear = (answer: Answer) => {
        if (answer.kind !== kind) return
        child.off('message', hear)
        resolve(answer as Extract<Answer, { kind: K }>)
      }
      child.on('message', hear)
    })
  return {
    open: async (port, path, greetings) => {
      const opened = next('opened')
      request({ kind: 'open', port, path, greetings })
      await opened
    },
    forget: () => request({ kind: 'count', frames: 0 }),
    count: (frames) => {
      const counted = next('counted')
      request({ kind: 'count', frames })
      return counted
    },
    send: (frame, times) => request({ kind: 'send', frame, times }),
    close: () => request({ kind: 'close' }),
    end: () => child.disconnect(),
  }
}
