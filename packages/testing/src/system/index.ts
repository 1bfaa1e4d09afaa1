export * from './use-system.ts'
