export type { Audit, AuditEntry, AuditPage, AuditQuery } from './audit-of-project.ts'
export * from './capability.ts'
export * from './errors.ts'
