export { allocate } from './ledger/allocate.ts'
export * from './migrations.ts'
