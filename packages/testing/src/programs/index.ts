export * from './browser.ts'
export * from './postgres.ts'
export * from './redis.ts'
