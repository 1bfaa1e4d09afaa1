import { sql } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { type BackupRecord, listBackups } from '../catalogue/backup-record.ts'
import { backupErrors } from '../errors.ts'
import { compareRows } from '../restore/compare-rows.ts'
import { keepErased } from '../restore/erased-values.ts'
import { openChain } from '../restore/open-chain.ts'
import { putRows, raiseSequences } from '../restore/put-rows.ts'
import { restoreBackup } from '../restore/restore-backup.ts'
import { enterRequestPath, withRestoreTransaction } from '../restore/restore-transaction.ts'
import { loadStages, makeStages } from '../restore/stage-tables.ts'
import { createPersonalValues } from '../set/personal-values.ts'
import { type AdoptedBackups, adoptBackups } from './adopt-backups.ts'
import { type CopiedFiles, restoreFiles } from './copy-files.ts'
import { restorePersonKeys } from './person-keys.ts'
import { readProjectSet, wholeProject } from './project-set.ts'

export interface RestoredProject extends AdoptedBackups {
  readonly backup: BackupRecord
  readonly tables: number
  readonly rows: number
  readonly persons: number
  readonly files: CopiedFiles
  /** Tenants that had a newer backup of their own, which was restored after it. */
  readonly tenants: readonly RestoredTenant[]
  /** Names of secret files that came back: the project's keys and settings. */
  readonly secrets: readonly string[]
}

export interface RestoredTenant {
  readonly tenant: string
  readonly takenAt: string
  /** Why the tenant is as the project's backup has it; null when it is as of `takenAt`. */
  readonly problem: string | null
}

const actor = {
  user: null,
  role: 'owner',
  requestId: null,
  via: 'plinth backup restore-project',
  reason: 'the whole project',
}

/**
 * Brings a whole project back from where its backups lie: accounts, files, jobs, what every capability keeps, its keys and
 * settings; then each tenant from its newest backup, where that is newer. What the database had is replaced. Fails with
 * `backup_unknown` where there is no backup of the project, and with the codes of `openChain`.
 */
export async function restoreProject(context: BackupContext): Promise<RestoredProject> {
  const { database } = context
  const adopted = await adoptBackups(context)
  const [backup] = await listBackups(database, { tenant: wholeProject, status: 'completed', limit: 1 })
  if (!backup) throw backupErrors.backup_unknown({ id: 'of the whole project' })
  const persons = await restorePersonKeys(context)
  const { tables, rows, secrets } = await restoreTables(context, backup.id)
  for (const { write, name } of context.secretFiles) {
    const content = secrets[name]
    if (content !== undefined) await write(Buffer.from(content, 'base64'))
  }
  await database.asOwner(sql`update graphile_worker._private_jobs set locked_at = null, locked_by = null`)
  const files = await restoreFiles(context)
  const tenants: RestoredTenant[] = []
  for (const { id, tenant, takenAt } of await findNewer(context, backup)) {
    // One tenant's rows may refer to an account that came after the project's backup: the others come back all the same.
    const problem = await restoreBackup(context, { id }, actor).then(() => null, messageOf)
    tenants.push({ tenant, takenAt: takenAt!.toISOString(), problem })
  }
  return { ...adopted, backup, tables, rows, persons, files, tenants, secrets: Object.keys(secrets) }
}

async function restoreTables(context: BackupContext, id: string) {
  const { database, system, journalKey } = context
  const chain = await openChain(context, id)
  const { index } = chain.at(-1)!
  return withRestoreTransaction({ database, tenant: wholeProject, actor }, async (client) => {
    const tables = await readProjectSet(client, system)
    const staged = await makeStages(client, chain.at(-1)!, tables)
    await loadStages(context, client, chain, staged, createPersonalValues({ database, key: journalKey }))
    await keepErased(client, staged)
    await compareRows(client, staged, { tenant: wholeProject, keeps: [] })
    await enterRequestPath(client)
    await putRows(client, staged, { tenant: wholeProject, tenantColumn: null })
    await raiseSequences(client, staged, index.sequences)
    await client.query('commit')
    const rows = Object.values(index.tables).reduce((sum, table) => sum + table.rows, 0)
    return { tables: staged.length, rows, secrets: index.secrets ?? {} }
  })
}

/** Of each tenant the newest backup, where it is newer than the project's. */
async function findNewer(
  { database }: BackupContext,
  { takenAt }: BackupRecord,
): Promise<readonly BackupRecord[]> {
  const { rows } = await database.asOwner<{ tenant: string }>(sql`
    select distinct tenant from plinth.backups
    where tenant <> ${wholeProject} and status = 'completed' and taken_at > ${takenAt} order by tenant`)
  const newest: BackupRecord[] = []
  for (const { tenant } of rows) {
    const found = await listBackups(database, { tenant, status: 'completed', limit: 1 })
    newest.push(...found)
  }
  return newest
}
