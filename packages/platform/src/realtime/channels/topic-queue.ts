import { realtimeErrors } from '../errors.ts'

/** Work that may wait for one topic; more means that the client does not wait for answers. */
const mostWaiting = 50

/** Runs work at once when nothing of its topic is pending, else after it. Calls `fail` when it fails. */
export type TopicQueue = (
  topic: string,
  work: () => void | Promise<void>,
  fail: (error: unknown) => void,
) => void

/** Keeps the frames of a topic in order while topics do not wait for each other. */
export function createTopicQueue(): TopicQueue {
  const waiting = new Map<string, { last: Promise<void>; count: number }>()
  return (topic, work, fail) => {
    const before = waiting.get(topic)
    try {
      if (before && before.count >= mostWaiting) throw realtimeErrors.too_many_events()
      const running = before ? before.last.then(work) : work()
      if (!(running instanceof Promise)) return
      const entry = { last: Promise.resolve(), count: (before?.count ?? 0) + 1 }
      entry.last = running.catch(fail).then(() => {
        if (waiting.get(topic) === entry) waiting.delete(topic)
      })
      waiting.set(topic, entry)
    } catch (error) {
      fail(error)
    }
  }
}
