import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { type Actor, type Statement, sql, toQuery } from '../../database/index.ts'
import { AppError, hasCode, messageOf, newId } from '../../kernel/index.ts'
import { isBusy, type LostRows, previewCascade } from '../../rewind/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'
import { wholeProject } from '../project/project-set.ts'
import { createPersonalValues } from '../set/personal-values.ts'
import { readTenantSet, type SetTable } from '../set/tenant-set.ts'
import { type Comparison, compareRows, type MovedRow, type RestoreTable } from './compare-rows.ts'
import { type CopiedTenant, copyStages } from './copy-stages.ts'
import { keepErased } from './erased-values.ts'
import { hooksOfTenant, invariantsOf } from './hooks-of-tenant.ts'
import { joinMoney, type MoneyAffected, sumMoney, sumStagedMoney } from './money.ts'
import { type OpenBackup, openChain } from './open-chain.ts'
import { putRows, raiseSequences } from './put-rows.ts'
import { enterRequestPath, withRestoreTransaction } from './restore-transaction.ts'
import { loadStages, makeStages, type StagedTable } from './stage-tables.ts'

/** What of a backup is restored, and where to. */
export interface RestoreChoice {
  readonly id: string
  /** Whose backup it has to be: one of another tenant is as unknown as one that is not there. Default: whosoever. */
  readonly tenant?: string | undefined
  /** Only these, as `items` or `public.items`. Default: all. */
  readonly tables?: readonly string[] | undefined
  /** Only rows with these keys, in tables whose key is one column: they come back or are as they were; nothing goes. */
  readonly ids?: readonly string[] | undefined
  /** As a new tenant of this key, beside the one it was taken of. Default: into place. */
  readonly as?: string | undefined
  /** True: rows that belong to another tenant today stay where they are. Default: the restore is refused. */
  readonly leaveMoved?: boolean | undefined
  /** Whether it is restored on trial before, unless it was. Default: the project's setting `rehearse`. */
  readonly rehearse?: boolean | undefined
}

/** What a restore would do, or did. */
export interface RestorePreview {
  readonly backup: string
  /** Whose rows change. */
  readonly tenant: string
  /** The instant that comes back. */
  readonly takenAt: string
  readonly tables: readonly RestoreTable[]
  /** Rows that belong to another tenant today, the first hundred. */
  readonly moved: readonly MovedRow[]
  /** Facts that would have changed or gone: they stay; by table. */
  readonly kept: Readonly<Record<string, number>>
  /** Rows of other tables that go, or lose their reference, with the rows that they belong to. */
  readonly lost: readonly LostRows[]
  /** Rows of persons who were erased since: they stay erased. */
  readonly erased: number
  /** Of tables that the system declares: the sum of their amounts now and after. */
  readonly money: readonly MoneyAffected[]
  /** Of a copy: values that got an ending because they are taken, by `table.column`. */
  readonly renamed: Readonly<Record<string, number>>
}

export interface AppliedRestore extends RestorePreview {
  /** Names the restore in `plinth.restores`, and in the journal's reason. */
  readonly restore: string
}

const shownMoves = 100
/** How long rows that others hold are waited for, and how often it is tried, milliseconds. */
const patience = 5_000
const givesWayAfter = 700
const givesWayMilliseconds = 30
const mostOrphans = 4

/** What {@link restoreBackup} would do now; changes nothing and holds on to nothing. */
export async function previewRestore(context: BackupContext, choice: RestoreChoice): Promise<RestorePreview> {
  const prepared = await prepare(context, choice)
  const { tenant } = prepared
  return withRestoreTransaction({ database: context.database, tenant, actor: null }, async (client) => {
    const staging = await stage(context, client, prepared)
    await keepErased(client, staging.staged)
    const comparison = await compareRows(client, staging.staged, compareOptions(context, prepared))
    const before = await sumMoney(context, client, tenant, staging.staged)
    const lost = await previewCascade(
      client,
      staging.staged.map(({ table }) => table),
      cascadeOptions(context, prepared, staging.staged),
    )
    const after = await sumStagedMoney(context, client, tenant, staging.staged)
    return describe(prepared, staging, comparison, lost, joinMoney(before, after))
  })
}

/**
 * Puts a backup back, in one transaction or not at all. Rows that are not in it go; facts stay; who was erased stays erased;
 * other tenants go on writing. Fails with the codes of `openChain`, and with `backup_unknown_table`, `backup_key_columns`,
 * `backup_schema_changed`, `backup_row_moved`, `backup_conflict`, `backup_orphans`, `backup_not_sound`, `backup_busy` or
 * `backup_copy_impossible`; nothing is changed then.
 */
export async function restoreBackup(
  context: BackupContext,
  choice: RestoreChoice,
  actor: Actor,
): Promise<AppliedRestore> {
  const { database, clock, log } = context
  const prepared = await prepare(context, choice)
  const { tenant } = prepared
  const restore = newId()
  const began = performance.now()
  await database.asOwner(sql`
    insert into plinth.restores (id, backup, tenant, copied_to, choice, actor, began_at)
    values (${restore}, ${choice.id}, ${prepared.manifest.tenant}, ${choice.as ?? null},
      ${JSON.stringify({ tables: choice.tables, ids: choice.ids })}, ${JSON.stringify(actor)}, ${clock.now()})`)
  try {
    for (const hook of hooksOfTenant(context, tenant)) await hook.beforeRewind?.(tenant)
    const acting = { ...actor, reason: `${actor.reason ?? `restore of backup ${choice.id}`} (${restore})` }
    const done = await withRestoreTransaction({ database, tenant, actor: acting }, async (client) => {
      const staging = await stage(context, client, prepared)
      const result = await attempt(context, client, prepared, staging)
      const milliseconds = Math.round(performance.now() - began)
      await client.query(
        `update plinth.restores set status = 'completed', completed_at = $2, milliseconds = $3, result = $4 where id = $1`,
        [restore, clock.now(), milliseconds, JSON.stringify(result)],
      )
      await commit(context, client, restore)
      return result
    })
    for (const hook of hooksOfTenant(context, tenant))
      await hook.rewound?.(tenant).catch((error: unknown) => {
        log.error({ tenant, problem: messageOf(error) }, 'a hook failed after a restore')
      })
    return { ...done, restore }
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'internal'
    await database
      .asOwner(sql`
        update plinth.restores set status = 'failed', completed_at = ${clock.now()}, error_code = ${code}, error = ${messageOf(error)}
        where id = ${restore} and status = 'running'`)
      .catch(() => undefined)
    throw error
  }
}

interface Prepared extends RestoreChoice {
  readonly chain: readonly [OpenBackup, ...OpenBackup[]]
  readonly manifest: OpenBackup['manifest']
  readonly index: OpenBackup['index']
  /** Whose rows change. */
  readonly tenant: string
  /** Names of the tables that are restored. */
  readonly relations: readonly string[]
}

async function prepare(context: BackupContext, choice: RestoreChoice): Promise<Prepared> {
  const chain = await openChain(context, choice.id)
  const { manifest, index } = chain.at(-1)!
  if (choice.tenant !== undefined && choice.tenant !== manifest.tenant)
    throw backupErrors.backup_unknown({ id: choice.id })
  if (manifest.tenant === wholeProject) throw backupErrors.backup_of_project({ id: choice.id })
  const known = Object.keys(index.tables)
  const relations = choice.tables?.map((name) => {
    const relation = name.includes('.') ? name : `public.${name}`
    if (!known.includes(relation))
      throw backupErrors.backup_unknown_table({ table: name, known: known.join(', ') })
    return relation
  })
  const chosen = relations ?? known
  if (choice.ids)
    for (const relation of chosen) {
      const { length: count } = index.tables[relation]!.key
      if (count !== 1) throw backupErrors.backup_key_columns({ table: relation, count })
    }
  return { ...choice, chain, manifest, index, tenant: choice.as ?? manifest.tenant, relations: chosen }
}

interface Staging {
  readonly staged: readonly StagedTable[]
  readonly erased: number
  readonly copied: CopiedTenant
}

async function stage(context: BackupContext, client: pg.Client, prepared: Prepared): Promise<Staging> {
  const { system, declaration, database, journalKey } = context
  const { manifest, chain, relations, as } = prepared
  const tables = await readTenantSet(client, system, manifest.tenant, declaration)
  const wanted = tables.filter(({ relation }) => relations.includes(relation))
  const lost = relations.find((relation) => !wanted.some((table) => table.relation === relation))
  if (lost) throw backupErrors.backup_schema_changed({ table: lost, problem: 'it is not backed up any more' })
  const staged = await makeStages(client, chain.at(-1)!, wanted)
  const personal = createPersonalValues({ database, key: journalKey })
  const { closed } = await loadStages(context, client, chain, staged, personal)
  const copied =
    as === undefined ? noCopy : await copyStages(context, client, staged, { from: manifest.tenant, to: as })
  return { staged, erased: closed, copied }
}

const noCopy: CopiedTenant = { renamed: {} }

const compareOptions = (context: BackupContext, { tenant, ids }: Prepared) => ({
  tenant,
  ids,
  keeps: hooksOfTenant(context, tenant).flatMap((hook): Statement[] => {
    const statement = hook.rewindKeeps?.(tenant)
    return statement ? [statement] : []
  }),
})

const cascadeOptions = ({ system }: BackupContext, { tenant }: Prepared, staged: readonly StagedTable[]) => ({
  tenant,
  tenantColumn: system.tenant?.column ?? null,
  journalled: new Set(staged.map(({ table }) => table.relation)),
})

/**
 * Holds the tenant and the rows that change, and changes them. Where somebody else holds one, everything is let go and tried
 * again until the patience ends.
 */
async function attempt(
  context: BackupContext,
  client: pg.Client,
  prepared: Prepared,
  staging: Staging,
): Promise<RestorePreview> {
  const until = performance.now() + patience
  let orphans = 0
  await client.query("select set_config('lock_timeout', $1, true)", [String(givesWayAfter)])
  for (;;) {
    await client.query('savepoint attempt')
    try {
      return await change(context, client, prepared, staging)
    } catch (error) {
      await client.query('rollback to savepoint attempt')
      // A row that came between two of our statements is seen by the next attempt.
      if (hasCode(error, 'rewind_orphans')) orphans += 1
      const mayPass = isBusy(error) || (orphans > 0 && orphans < mostOrphans)
      if (!mayPass || performance.now() > until) throw error
      await wait(givesWayMilliseconds)
    }
  }
}

async function change(
  context: BackupContext,
  client: pg.Client,
  prepared: Prepared,
  staging: Staging,
): Promise<RestorePreview> {
  const { system } = context
  const { tenant, leaveMoved } = prepared
  const { staged } = staging
  await enterRequestPath(client)
  await holdTenant(context, client, tenant)
  const left = await keepErased(client, staged)
  const comparison = await holdDifferences(client, staged, compareOptions(context, prepared))
  const [first] = comparison.moved
  if (first && !leaveMoved) throw backupErrors.backup_row_moved({ ...first, count: comparison.moved.length })
  const before = await sumMoney(context, client, tenant, staged)
  const lost = await putRows(client, staged, { tenant, tenantColumn: system.tenant?.column ?? null })
  await raiseSequences(client, staged, prepared.as === undefined ? prepared.index.sequences : {})
  const to = instantForHooks(context, prepared)
  for (const hook of hooksOfTenant(context, tenant)) {
    const statement = hook.afterRewind?.(tenant, to)
    if (statement) await client.query(toQuery(statement))
  }
  for (const { name, violations } of invariantsOf(context, tenant)) {
    const { rowCount } = await client.query(toQuery(violations(tenant)))
    if (rowCount)
      throw backupErrors.backup_not_sound({ problem: `${name} does not hold for ${rowCount} rows` })
  }
  const after = await sumMoney(context, client, tenant, staged)
  return describe(
    prepared,
    { ...staging, erased: staging.erased - left },
    comparison,
    lost,
    joinMoney(before, after),
  )
}

/** Files follow where all of the tenant goes back, as far as storage keeps their bytes. */
function instantForHooks(
  { clock, storageDays }: BackupContext,
  { tables, ids, as, manifest }: Prepared,
): string | null {
  const oldest = clock.now().getTime() - storageDays * 86_400_000
  const isWhole = !tables && !ids && as === undefined
  return isWhole && Date.parse(manifest.takenAt) > oldest ? manifest.takenAt : null
}

/** The tenant's root row: new rows that refer to it wait until the restore has ended. */
async function holdTenant({ system }: BackupContext, client: pg.Client, tenant: string): Promise<void> {
  const { tenant: declared } = system
  if (!declared || tenant === '') return
  const name = (text: string) => `"${text.replaceAll('"', '""')}"`
  await client.query(
    `select from public.${name(declared.table)} t where t.${name(declared.key ?? 'id')}::text = $1 for update`,
    [tenant],
  )
}

const mostRounds = 6

/** Rows that differ are held, then compared again, until those that differ are those that are held. */
async function holdDifferences(
  client: pg.Client,
  staged: readonly StagedTable[],
  options: Parameters<typeof compareRows>[2],
): Promise<Comparison> {
  let comparison = await compareRows(client, staged, options)
  let held = ''
  for (let round = 0; round < mostRounds; round += 1) {
    const now = await fingerprint(client)
    if (now === held) return comparison
    held = now
    for (const { table } of staged) await lockRows(client, table)
    comparison = await compareRows(client, staged, options)
  }
  throw backupErrors.backup_busy({ tenant: options.tenant })
}

async function fingerprint(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ found: string }>(
    `select count(*) || ' ' || coalesce(sum(hashtextextended(relation || ' ' || key, 0)::numeric), 0) as found from plinth_rewind`,
  )
  return rows[0]!.found
}

async function lockRows(client: pg.Client, table: SetTable): Promise<void> {
  const same = table.key
    .map(({ sql, type }, place) => `t.${sql} = (r.key::jsonb ->> ${place})::${type}`)
    .join(' and ')
  await client.query(
    `select count(*) from (select 1 from ${table.sql} t join plinth_rewind r on ${same} where r.relation = $1 for update of t) held`,
    [table.relation],
  )
}

const describe = (
  { id, tenant, manifest }: Prepared,
  { erased, copied }: Staging,
  { tables, moved, kept }: Comparison,
  lost: readonly LostRows[],
  money: readonly MoneyAffected[],
): RestorePreview => ({
  backup: id,
  tenant,
  takenAt: manifest.takenAt,
  tables,
  moved: moved.slice(0, shownMoves),
  kept,
  lost,
  erased,
  money,
  renamed: copied.renamed,
})

/** A connection that is lost while it commits leaves open whether it did: the record knows. */
async function commit({ database }: BackupContext, client: pg.Client, restore: string): Promise<void> {
  try {
    await client.query('commit')
  } catch (error) {
    const { rows } = await database
      .asOwner<{ status: string }>(sql`select status from plinth.restores where id = ${restore}`)
      .catch(() => ({ rows: [] }))
    if (rows[0]?.status !== 'completed') throw error
  }
}
