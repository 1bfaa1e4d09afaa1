export * from './recall.ts'
export * from './signals.ts'
