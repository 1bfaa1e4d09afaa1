export { PlinthError } from './call-platform.ts'
export {
  createPlinthClient,
  type PlinthClient,
  type PlinthClientOptions,
  sessionKey,
} from './create-plinth-client.ts'
export {
  type ComponentHealth,
  type EyemotionBackup,
  type EyemotionHealth,
  type EyemotionManagement,
  type EyemotionOptions,
  type Monitoring,
  manageEyemotion,
} from './eyemotion/manage-eyemotion.ts'
export type { ClientFlags } from './flags/flags.ts'
export type { ClientKv, KvEntry, KvOptions, KvScope } from './kv/kv.ts'
export { OfflineError } from './offline/offline-error.ts'
export type { OfflineIdentity, OfflineTransport } from './offline/offline-transport.ts'
export { type Offline, type OfflineOptions, openOffline } from './offline/open-offline.ts'
export type { Conflict, QueuedWrite, Resolution } from './offline/queued-write.ts'
export * from './services/index.ts'
export { createIndexedDbStore } from './store/indexed-db-store.ts'
export { createMemoryStore } from './store/memory-store.ts'
export type { Store, StoreChange } from './store/store.ts'
export { type Watch, type WatchChange, type WatchEvent, type WatchQuery, watch } from './watch/watch.ts'
export { WatchError } from './watch/watch-error.ts'
