export * from './define-system.ts'
