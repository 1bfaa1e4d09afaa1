import type { TenantHooks } from '../../system/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { wholeProject } from '../project/project-set.ts'

/** What belongs to no tenant, or the whole project, is nobody's that hooks could know. */
const isNobody = ({ system }: BackupContext, tenant: string) =>
  tenant === wholeProject || (tenant === '' && system.tenant !== null)

export const hooksOfTenant = (context: BackupContext, tenant: string): readonly TenantHooks[] =>
  isNobody(context, tenant) ? [] : context.hooks().tenant

/** What must hold of a tenant's rows. */
export const invariantsOf = (context: BackupContext, tenant: string) =>
  isNobody(context, tenant) ? [] : (context.declaration.invariants ?? [])
