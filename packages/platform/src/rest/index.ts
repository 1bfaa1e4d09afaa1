export * from './capability.ts'
export {
  listenForReload,
  type ReloadListener,
  type ReloadListenerOptions,
} from './catalogue/listen-for-reload.ts'
export { restErrors } from './errors.ts'
export { createRestSurface, type RestOptions, type RestSurface } from './rest.ts'
export type { TransactionEnd } from './run-request.ts'
export { type ServedRest, type ServeRestOptions, serveRest } from './standalone/serve-rest.ts'
export {
  type RestSettings,
  readRestSettings,
  settingAliases,
  settingNames,
  standaloneErrors,
} from './standalone/settings.ts'
export { renderDatabaseTypes } from './types/render-database-types.ts'
