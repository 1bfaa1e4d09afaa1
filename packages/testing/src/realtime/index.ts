export * from './listen.ts'
export * from './serve-realtime.ts'
export * from './use-realtime.ts'
