export * from './define-job.ts'
