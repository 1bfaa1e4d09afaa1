export { restErrors } from './errors.ts'
export { createRestSurface, type RestOptions, type RestSurface } from './rest.ts'
export type { TransactionEnd } from './run-request.ts'
