export * from './define-function.ts'
