export { PlinthError } from './call-platform.ts'
export {
  createPlinthClient,
  type PlinthClient,
  type PlinthClientOptions,
  sessionKey,
} from './create-plinth-client.ts'
export type { ClientFlags } from './flags/flags.ts'
export type { ClientKv, KvEntry, KvOptions, KvScope } from './kv/kv.ts'
export { type Watch, type WatchChange, type WatchEvent, type WatchQuery, watch } from './watch/watch.ts'
export { WatchError } from './watch/watch-error.ts'
