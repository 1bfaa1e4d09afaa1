import { z } from 'zod'
import { type OwnerSession, openOwnerSession } from '../database/index.ts'
import { erasureLock, journalOffer } from '../journal/index.ts'
import { hasCode } from '../kernel/index.ts'
import { type CapabilityProject, defineCapability, offerKey } from '../system/index.ts'
import type { Tail } from '../tail/index.ts'
import { type ErasedRows, erasePersonRows, eraseTenantRows } from './erase-data.ts'
import { privacyErrors } from './errors.ts'
import { exportData } from './export-data.ts'
import { countOwned, readPersonalTables, readTenantTables } from './owned-tables.ts'
import type { ExportManifest } from './write-export.ts'

/** How many rows of a table are concerned. */
export interface ConcernedRows {
  readonly table: string
  readonly rows: number
}

/** What can be done with all data of one owner. */
export interface OwnerData {
  /** The rows that an export holds and an erasure takes. Fails with `unknown_tenant` or `unknown_person`. */
  preview(owner: string): Promise<readonly ConcernedRows[]>
  /** Writes everything into a folder that is not there yet. */
  export(owner: string, folder: string): Promise<ExportManifest>
  /**
   * In one transaction or not at all. `tail`: the project's; a command beside a running server settles elsewhere. Fails
   * with `erasure_refused`, and for a person with `erasure_not_journalled`: then it is repeated.
   */
  erase(owner: string, tail?: Pick<Tail, 'settle'>): Promise<readonly ErasedRows[]>
}

export interface PrivacyOffer {
  /** A whole tenant, named by the key of its root row. */
  readonly tenants: OwnerData
  /** One person, named as the personal columns name them. Their key in the journal is destroyed with an erasure. */
  readonly persons: OwnerData
}

export const privacyOffer = offerKey<PrivacyOffer>('privacy')

/** A tenant's or a person's data, given out and erased (GDPR, articles 15, 17 and 20). */
export const privacy = () =>
  defineCapability({
    name: 'privacy',
    requires: ['journal'],
    settings: z.object({}),
    open: (project) => ({
      offer: { tenants: ofTenants(project), persons: ofPersons(project) } satisfies PrivacyOffer,
    }),
  })

function ofTenants(project: CapabilityProject): OwnerData {
  const { system } = project
  const tablesOf = async (session: OwnerSession, tenant: string) => {
    if (!system.tenant) throw privacyErrors.no_tenants({ system: system.name })
    const tables = await readTenantTables(session, system)
    const concerned = await countOwned(session, tables, tenant)
    const root = `public.${system.tenant.table}`
    if (!concerned.some(({ table }) => table === root))
      throw privacyErrors.unknown_tenant({ system: system.name, tenant, table: system.tenant.table })
    return { tables, concerned }
  }
  return {
    preview: (tenant) => withSession(project, async (session) => (await tablesOf(session, tenant)).concerned),
    export: (tenant, folder) =>
      withSession(project, async (session) => {
        const { tables } = await tablesOf(session, tenant)
        const files = project.hooks().tenant.flatMap((hook) => hook.export?.(tenant) ?? [])
        return exportData({
          session,
          system: system.name,
          owner: tenant,
          folder,
          tables,
          files,
          clock: project.clock,
        })
      }),
    erase: (tenant) =>
      withSession(project, async (session) => {
        const { tables } = await tablesOf(session, tenant)
        return eraseTenantRows(session, tenant, tables, project.hooks().tenant)
      }),
  }
}

function ofPersons(project: CapabilityProject): OwnerData {
  const { system } = project
  return {
    preview: (person) =>
      withSession(project, async (session) => {
        const concerned = await countOwned(session, await readPersonalTables(session, system), person)
        if (concerned.length === 0) throw privacyErrors.unknown_person({ system: system.name, person })
        return concerned
      }),
    export: (person, folder) =>
      withSession(project, async (session) => {
        const tables = await readPersonalTables(session, system)
        const files = project.hooks().person.flatMap((hook) => hook.export?.(person) ?? [])
        return exportData({
          session,
          system: system.name,
          owner: person,
          folder,
          tables,
          files,
          clock: project.clock,
        })
      }),
    erase: (person, tail = project.tail) =>
      withSession(project, async (session) => {
        await session.query('select pg_catalog.pg_advisory_lock($1)', [erasureLock])
        const tables = await readPersonalTables(session, system)
        const erased = await erasePersonRows(session, person, tables, project.hooks().person)
        await destroyKey(project, person, tail)
        return erased
      }),
  }
}

/**
 * The erasure itself is journalled, with what was there before: the key goes when that is sealed under it, or else a new
 * one would be made for it.
 */
async function destroyKey(
  project: CapabilityProject,
  person: string,
  tail: Pick<Tail, 'settle'>,
): Promise<void> {
  const journal = project.offer(journalOffer)
  try {
    await tail.settle()
  } catch (cause) {
    // Where nothing is journalled there is nothing to wait for.
    if (!hasCode(cause, 'tail_not_held')) throw privacyErrors.erasure_not_journalled({}, cause)
  } finally {
    await journal.erase(person)
  }
}

async function withSession<T>(
  { database }: CapabilityProject,
  work: (session: OwnerSession) => Promise<T>,
): Promise<T> {
  const session = await openOwnerSession({ addresses: database.addresses, via: 'privacy' })
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}
