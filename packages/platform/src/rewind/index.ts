export * from './apply-rewind.ts'
export * from './errors.ts'
export * from './preview-rewind.ts'
export type { RewindTarget } from './rewind-point.ts'
