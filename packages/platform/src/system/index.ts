export * from './define-import.ts'
export * from './define-system.ts'
