/** Lets one of all tabs, or of all users of one process, do something at a time. */
export interface Locks {
  /** Runs `work` when nobody else holds the name; rejects with the signal's reason when it is aborted before. */
  hold<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

interface WebLocks {
  request<T>(name: string, options: { readonly signal?: AbortSignal }, work: () => Promise<T>): Promise<T>
}

/** The browser's Web Locks where there are any (secure contexts, and Node from 24.5); else locks within the process. */
export function platformLocks(): Locks {
  const { locks } = (globalThis.navigator ?? {}) as unknown as { readonly locks?: WebLocks }
  // Two tabs without locks would change the same queue at the same time.
  if (!locks && 'document' in globalThis)
    throw new Error('Offline mode needs a secure context: https, or localhost.')
  if (!locks) return processLocks
  return { hold: (name, work, signal) => locks.request(name, signal ? { signal } : {}, work) }
}

/** Locks among those who share this object. */
export function createLocks(): Locks {
  const last = new Map<string, Promise<unknown>>()
  return {
    hold: (name, work, signal) => {
      const before = last.get(name) ?? Promise.resolve()
      const held = before.then(() => {
        signal?.throwIfAborted()
        return work()
      })
      const ended = held
        .catch(() => undefined)
        .then(() => {
          if (last.get(name) === ended) last.delete(name)
        })
      last.set(name, ended)
      return held
    },
  }
}

const processLocks = createLocks()
