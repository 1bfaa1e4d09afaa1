import { defineErrors } from '../kernel/index.ts'

export const auditErrors = defineErrors({
  audit_not_yours: {
    status: 403,
    message: 'This caller may not read the audit trail of this tenant.',
    hint: 'Name a tenant that is the caller’s own.',
  },
})
