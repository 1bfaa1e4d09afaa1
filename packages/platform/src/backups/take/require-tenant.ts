import { quoteName, sql } from '../../database/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'
import { wholeProject } from '../project/project-set.ts'

/** A tenant that is there, or was: one that was removed can be backed up as gone. Fails with `backup_unknown_tenant`. */
export async function requireTenant({ database, system }: BackupContext, tenant: string): Promise<void> {
  if (tenant === '' || tenant === wholeProject) return
  const { tenant: declared } = system
  const root = declared && {
    text: `select from public.${quoteName(declared.table)} t where t.${quoteName(declared.key ?? 'id')}::text = $1`,
    values: [tenant],
  }
  if (root && (await database.asOwner(root)).rowCount !== 0) return
  const { rowCount } = await database.asJournal(
    sql`select from plinth_journal.heads where tenant = ${tenant}`,
  )
  if (rowCount === 0) throw backupErrors.backup_unknown_tenant({ tenant, system: system.name })
}
