export type { Cache, CacheOptions, Dependency, RememberOptions } from './cache.ts'
export * from './capability.ts'
export * from './errors.ts'
export * from './migrations.ts'
