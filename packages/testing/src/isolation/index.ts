export * from './test-isolation.ts'
