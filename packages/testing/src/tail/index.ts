export * from './start-own-cluster.ts'
export * from './use-rewind.ts'
export * from './use-tail.ts'
