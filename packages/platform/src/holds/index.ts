export * from './capability.ts'
export * from './migrations.ts'
