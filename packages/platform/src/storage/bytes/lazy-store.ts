import type { ByteStore } from './byte-store.ts'

/** A store that is opened when it is first used. */
export function createLazyStore(open: () => Promise<ByteStore>): ByteStore {
  let opening: Promise<ByteStore> | undefined
  const store = () => {
    opening ??= open()
    return opening
  }
  return {
    stage: async (source) => (await store()).stage(source),
    read: async (id, range) => (await store()).read(id, range),
    sizeOf: async (id) => (await store()).sizeOf(id),
    remove: async (id) => (await store()).remove(id),
    list: async function* () {
      yield* (await store()).list()
    },
    removeAbandoned: async (before) => (await store()).removeAbandoned(before),
    partials: {
      create: async (id) => (await store()).partials.create(id),
      offsetOf: async (id) => (await store()).partials.offsetOf(id),
      append: async (id, source) => (await store()).partials.append(id, source),
      read: async (id, length) => (await store()).partials.read(id, length),
      finish: async (id) => (await store()).partials.finish(id),
      remove: async (id) => (await store()).partials.remove(id),
    },
  }
}
