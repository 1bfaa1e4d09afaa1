export * from './capability.ts'
export * from './errors.ts'
export * from './kv.ts'
export * from './migrations.ts'
