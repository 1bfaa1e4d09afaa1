export * from './capability.ts'
export * from './create-holds.ts'
export { holdErrors } from './errors.ts'
export * from './migrations.ts'
