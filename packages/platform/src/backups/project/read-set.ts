import type pg from 'pg'
import type { BackupContext } from '../backup-context.ts'
import { readTenantSet, type SetTable } from '../set/tenant-set.ts'
import { readProjectSet, wholeProject } from './project-set.ts'

/** The tables of a tenant, or of the whole project. */
export const readSet = (
  { system, declaration }: BackupContext,
  client: Pick<pg.Client, 'query'>,
  tenant: string,
): Promise<readonly SetTable[]> =>
  tenant === wholeProject
    ? readProjectSet(client, system)
    : readTenantSet(client, system, tenant, declaration)
