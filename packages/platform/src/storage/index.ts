export * from './capability.ts'
export { storageErrors } from './errors.ts'
