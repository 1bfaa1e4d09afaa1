export type { AdminCheck } from './authorise.ts'
export * from './define-function.ts'
export * from './errors.ts'
export * from './functions-surface.ts'
