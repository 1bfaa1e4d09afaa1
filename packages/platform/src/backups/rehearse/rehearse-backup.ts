import type pg from 'pg'
import { type Actor, sql, toQuery } from '../../database/index.ts'
import { AppError, messageOf } from '../../kernel/index.ts'
import type { ScratchDatabase } from '../../system/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { findBackup } from '../catalogue/backup-record.ts'
import { backupErrors } from '../errors.ts'
import type { Signature } from '../format/key-ring.ts'
import { signedBytes } from '../format/manifest.ts'
import { readSet } from '../project/read-set.ts'
import { compareRows } from '../restore/compare-rows.ts'
import { keepErased } from '../restore/erased-values.ts'
import { hooksOfTenant, invariantsOf } from '../restore/hooks-of-tenant.ts'
import { type OpenBackup, openChain } from '../restore/open-chain.ts'
import { putRows, raiseSequences } from '../restore/put-rows.ts'
import { enterRequestPath, withRestoreTransaction } from '../restore/restore-transaction.ts'
import { loadStages, makeStages } from '../restore/stage-tables.ts'
import { createPersonalValues } from '../set/personal-values.ts'
import type { SetTable } from '../set/tenant-set.ts'
import { type CheckedTable, checkHashes, countDifferences } from './check-restored.ts'
import { copyParents } from './copy-parents.ts'
import { type TriedTable, tryWrites } from './try-writes.ts'

/** What a rehearsal found; signed, and kept beside the backup. */
export interface Receipt {
  readonly format: 'plinth-rehearsal/1'
  readonly backup: string
  readonly system: string
  readonly tenant: string
  readonly takenAt: string
  /** Of the manifest that was restored. */
  readonly manifest: string
  readonly beganAt: string
  /** How long it took until the rows were there: what a restore takes. */
  readonly restoreMilliseconds: number
  readonly milliseconds: number
  readonly outcome: 'sound' | 'failed'
  /** Why it failed; null when it is sound. */
  readonly problem: string | null
  readonly tables: readonly CheckedTable[]
  /** Rows of persons who were erased since. */
  readonly erased: number
  /** References to rows outside the backup that are gone today: a restore into place would be refused for them. */
  readonly missingParents: number
  readonly invariants: readonly string[]
  readonly writes: readonly TriedTable[]
}

export interface SignedReceipt {
  readonly receipt: Receipt
  readonly signature: Signature
}

type Chain = readonly [OpenBackup, ...OpenBackup[]]

type Findings = Pick<
  Receipt,
  'tables' | 'erased' | 'missingParents' | 'invariants' | 'writes' | 'restoreMilliseconds' | 'problem'
>

/**
 * Restores a backup into a scratch database and looks: row hashes, foreign keys, sequences, declared invariants, a write to
 * every table. The receipt says what was found, whatever it is; only what kept it from being tried is thrown:
 * `backup_unknown`, `backup_not_complete`, `backup_cannot_rehearse`, `backup_place_gone`.
 *
 * `scratch`: one to use; it is empty again afterwards. Default: one of its own.
 */
export async function rehearseBackup(
  context: BackupContext,
  id: string,
  scratch?: ScratchDatabase,
): Promise<SignedReceipt> {
  const { clock, system } = context
  const record = await findBackup(context.database, id)
  if (record.status !== 'completed') throw backupErrors.backup_not_complete({ id, status: record.status })
  const own = scratch ?? (await makeScratch(context))
  const beganAt = clock.now().toISOString()
  const began = performance.now()
  let findings: Findings
  try {
    findings = await tryRestore(context, own, id)
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'backup_place_gone') throw error
    findings = { ...nothing, problem: `${error.code}: ${messageOf(error)}` }
  } finally {
    if (!scratch) await own.drop()
  }
  const receipt: Receipt = {
    format: 'plinth-rehearsal/1',
    backup: id,
    system: system.name,
    tenant: record.tenant,
    takenAt: record.takenAt!.toISOString(),
    manifest: record.sha256!,
    beganAt,
    milliseconds: Math.round(performance.now() - began),
    outcome: findings.problem === null ? 'sound' : 'failed',
    ...findings,
  }
  const signed = { receipt, signature: context.ring.sign(signedBytes(receipt)) }
  await keepReceipt(context, record.file!, signed)
  return signed
}

const nothing: Omit<Findings, 'problem'> = {
  tables: [],
  erased: 0,
  missingParents: 0,
  invariants: [],
  writes: [],
  restoreMilliseconds: 0,
}

export async function makeScratch({ scratch }: BackupContext): Promise<ScratchDatabase> {
  if (!scratch) throw backupErrors.backup_cannot_rehearse()
  return scratch()
}

const rehearser: Actor = { user: null, role: 'owner', requestId: null, via: 'rehearsal', reason: 'rehearsal' }

async function tryRestore(context: BackupContext, scratch: ScratchDatabase, id: string): Promise<Findings> {
  const chain = await openChain(context, id)
  const { tenant } = chain.at(-1)!.manifest
  const found = await withRestoreTransaction(
    { database: scratch.database, tenant, actor: rehearser },
    async (client) => {
      const loaded = await restoreInto(context, client, chain)
      await client.query('commit')
      return loaded
    },
  )
  const { tables, ...findings } = found
  try {
    const writes = await tryWrites(scratch.database, tables, tenant)
    const failed = writes.find(({ outcome }) => outcome === 'failed')
    const problem =
      findings.problem ?? (failed ? `a write to ${failed.table} failed: ${failed.problem}` : null)
    return { ...findings, tables: found.checked, writes, problem }
  } finally {
    await empty(context, scratch, chain)
  }
}

async function restoreInto(
  context: BackupContext,
  client: pg.Client,
  chain: Chain,
): Promise<
  Omit<Findings, 'tables' | 'writes'> & { tables: readonly SetTable[]; checked: readonly CheckedTable[] }
> {
  const { system, database, journalKey } = context
  const { manifest, index } = chain.at(-1)!
  const { tenant } = manifest
  const began = performance.now()
  const tables = await readScratchSet(context, client, tenant)
  const staged = await makeStages(client, chain.at(-1)!, tables)
  const lost = Object.keys(index.tables).find((name) => !staged.some(({ table }) => table.relation === name))
  if (lost) throw backupErrors.backup_schema_changed({ table: lost, problem: 'it is gone' })
  // The persons' keys are those of the project itself.
  const personal = createPersonalValues({ database, key: journalKey })
  const { closed } = await loadStages(context, client, chain, staged, personal)
  const left = await keepErased(client, staged)
  const missingParents = await copyParents(client, database, staged)
  await compareRows(client, staged, { tenant, keeps: [] })
  await enterRequestPath(client)
  await putRows(client, staged, { tenant, tenantColumn: system.tenant?.column ?? null })
  await raiseSequences(client, staged, index.sequences)
  const restoreMilliseconds = Math.round(performance.now() - began)
  const checked = await checkHashes(client, staged, index, tenant)
  let problem = left > 0 ? null : hashProblem(checked)
  for (const each of staged) {
    const differences = await countDifferences(client, each)
    if (differences > 0)
      problem ??= `${differences} rows of ${each.table.relation} are not as they were backed up`
  }
  for (const hook of hooksOfTenant(context, tenant)) {
    const statement = hook.afterRewind?.(tenant, null)
    if (statement) await client.query(toQuery(statement))
  }
  const broken: string[] = []
  for (const { name, violations } of invariantsOf(context, tenant)) {
    const { rowCount } = await client.query(toQuery(violations(tenant)))
    if (rowCount) broken.push(name)
  }
  if (broken.length > 0) problem ??= `${broken.join(', ')} does not hold`
  return {
    restoreMilliseconds,
    checked,
    tables,
    erased: closed,
    missingParents,
    invariants: invariantsOf(context, tenant).map(({ name }) => name),
    problem,
  }
}

function hashProblem(checked: readonly CheckedTable[]): string | null {
  const other = checked.filter(({ matches }) => !matches).map(({ table }) => table)
  return other.length === 0 ? null : `the rows of ${other.join(', ')} are not those that were backed up`
}

/** Removes the tenant's rows, so that the next rehearsal begins as this one did; rows that they referred to stay. */
async function empty(context: BackupContext, { database }: ScratchDatabase, chain: Chain): Promise<void> {
  const { tenant } = chain.at(-1)!.manifest
  await withRestoreTransaction({ database, tenant, actor: rehearser }, async (client) => {
    const staged = await makeStages(client, chain.at(-1)!, await readScratchSet(context, client, tenant))
    await compareRows(client, staged, { tenant, keeps: [] })
    await enterRequestPath(client)
    await putRows(client, staged, { tenant, tenantColumn: context.system.tenant?.column ?? null })
    await client.query('commit')
  })
}

/** Nothing is a fact in a scratch database. */
const readScratchSet = async (
  context: BackupContext,
  client: pg.Client,
  tenant: string,
): Promise<readonly SetTable[]> => {
  const tables = await readSet(context, client, tenant)
  return tables.map((table) => ({ ...table, isFact: false }))
}

async function keepReceipt(
  { database, store, log }: BackupContext,
  file: string,
  { receipt, signature }: SignedReceipt,
): Promise<void> {
  await database.transactionAsOwner(async ({ query }) => {
    await query(sql`
      insert into plinth.backup_receipts (backup, tenant, outcome, began_at, milliseconds, document, signature)
      values (${receipt.backup}, ${receipt.tenant}, ${receipt.outcome}, ${receipt.beganAt}, ${receipt.milliseconds},
        ${JSON.stringify(receipt)}, ${JSON.stringify(signature)})`)
    await query(sql`
      update plinth.backups set rehearsed_at = ${receipt.beganAt}, rehearsal = ${receipt.outcome} where id = ${receipt.backup}`)
  })
  const text = `${JSON.stringify({ ...receipt, signature }, null, 2)}\n`
  await store
    .put(file.replace(/\.json$/, '.receipt.json'), toChunks(text))
    .catch((error: unknown) =>
      log.error({ problem: messageOf(error) }, 'a receipt was not written beside its backup'),
    )
}

async function* toChunks(text: string): AsyncIterable<Buffer> {
  yield Buffer.from(text)
}
