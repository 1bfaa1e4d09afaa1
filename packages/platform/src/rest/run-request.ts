import {
  type Caller,
  type ProjectDatabase,
  quoteName,
  type Statement,
  type TransactionOptions,
} from '../database/index.ts'
import { hasCode } from '../kernel/index.ts'
import type { CatalogueCache } from './catalogue/catalogue-cache.ts'
import type { Catalogue, Settings } from './catalogue/model.ts'
import { type Receipt, runOnce } from './receipts/receipt.ts'
import type { ExplainPlan } from './request/media.ts'
import type { RestRequest } from './request/rest-request.ts'
import { requireScope } from './require-scope.ts'
import { sqlStateOf } from './respond/render-error.ts'
import type { FoundStatement, ShapeCache } from './shape-cache.ts'
import type { AnswerRow } from './sql/answer-text.ts'
import type { CompiledStatement } from './sql/compile.ts'

/** How transactions end when `Prefer: tx` says nothing, and whether it may say something: PostgREST's `db-tx-end`. */
export const transactionEnds = [
  'commit',
  'commit-allow-override',
  'rollback',
  'rollback-allow-override',
] as const
export type TransactionEnd = (typeof transactionEnds)[number]

/** `schema.function` as it stands in SQL. */
export const quoteFunction = (name: string): string => name.split('.').map(quoteName).join('.')

export interface Runner {
  readonly database: ProjectDatabase
  readonly catalogues: CatalogueCache
  readonly shapes: ShapeCache
  readonly transactionEnd: TransactionEnd
  /** Temporary tables that functions make end with the request. */
  readonly dropsTemporary: boolean
  /** Called before every request's statement, in its transaction: `schema.function`, already quoted. */
  readonly preRequest: string | undefined
  /** Totals above this come from PostgreSQL's planner when an estimate was asked for. */
  readonly exactCounts: number
}

export interface RunResult {
  readonly row: AnswerRow
  readonly compiled: CompiledStatement
  readonly total: number | undefined
}

/** What a request for a plan is answered with. */
export interface PlanResult {
  readonly plan: string
}

/** Plans and runs a request. One that names what DDL has just changed is planned again on the new catalogue. */
export const runRequest = (
  runner: Runner,
  request: RestRequest,
  caller: Caller,
  receipt?: Receipt,
): Promise<RunResult | PlanResult> =>
  onCatalogue(runner.catalogues, (catalogue) => runOn({ ...runner, receipt }, request, caller, catalogue))

/** Does `work` on the catalogue; does it again when it fails for a name that DDL has changed in the meantime. */
export async function onCatalogue<T>(
  catalogues: CatalogueCache,
  work: (catalogue: Catalogue) => Promise<T>,
): Promise<T> {
  const catalogue = await catalogues.current()
  catalogues.lookWhenDue()
  try {
    return await work(catalogue)
  } catch (error) {
    if (!mayBeStale(error) || !(await catalogues.changedSince(catalogue))) throw error
    return work(await catalogues.current())
  }
}

/** Names that are missing, here or in PostgreSQL, and prepared statements whose tables changed. */
const staleCodes = ['PGRST200', 'PGRST201', 'PGRST202', 'PGRST203', 'PGRST204', 'PGRST205', '42703', '42704']
const staleStates = new Set(['42P01', '42703', '42883', '42704', '42P13', '42804', '0A000', '3F000'])

function mayBeStale(error: unknown): boolean {
  const state = sqlStateOf(error)
  if (state !== undefined) return staleStates.has(state)
  return staleCodes.some((code) => hasCode(error, code))
}

/** A runner for one request. */
interface RequestRunner extends Runner {
  /** Set for a write that is to be done once. */
  readonly receipt: Receipt | undefined
}

async function runOn(
  runner: RequestRunner,
  request: RestRequest,
  caller: Caller,
  catalogue: Catalogue,
): Promise<RunResult | PlanResult> {
  const found = runner.shapes.find(request, catalogue, caller.role)
  const { compiled } = found
  requireScope(caller, compiled.permissions)
  const settings = settingsOf(catalogue, caller, compiled, request)
  const options: TransactionOptions = {
    readOnly: compiled.readOnly,
    isolation: isolationOf(settings),
    rollback: rollsBack(runner, request),
    dropsTemporary: runner.dropsTemporary,
  }
  const { plan } = request.format
  if (plan) return explain(runner, settings, caller, { ...options, plan, statement: found.statement })
  const rows = await runStatement(runner, settings, caller, found.statement, options)
  const row = rows[0] as AnswerRow
  return { row, compiled, total: await totalOf(runner, row, found, caller) }
}

/** With `analyze` the statement runs, and is committed like any other. */
async function explain(
  runner: RequestRunner,
  settings: Settings,
  caller: Caller,
  { plan, statement, ...options }: TransactionOptions & { plan: ExplainPlan; statement: Statement },
): Promise<PlanResult> {
  const text = `explain (format ${[plan.format, ...plan.options].join(', ')}) ${statement.text}`
  const { values = [] } = statement
  const planning = { ...runner, receipt: undefined }
  const rows = await runStatement(planning, settings, caller, { text, values }, options)
  const lines = (rows as { 'QUERY PLAN': unknown }[]).map((row) => row['QUERY PLAN'])
  return { plan: plan.format === 'json' ? JSON.stringify(lines[0]) : lines.join('\n') }
}

function rollsBack({ transactionEnd }: Runner, { preferences }: RestRequest): boolean {
  const preferred = transactionEnd.endsWith('allow-override') ? preferences.tx : undefined
  return (preferred ?? (transactionEnd.startsWith('rollback') ? 'rollback' : 'commit')) === 'rollback'
}

const noSettings: Settings = new Map()

/** What holds for the transaction beside the caller: settings of the role, of the function, and the preferred time zone. */
function settingsOf(
  catalogue: Catalogue,
  { role }: Caller,
  { settings: ofFunction = noSettings }: CompiledStatement,
  { preferences: { timezone } }: RestRequest,
): Settings {
  const ofRole = catalogue.roleSettings(role)
  if (ofRole.size === 0 && ofFunction.size === 0 && timezone === undefined) return noSettings
  return new Map([
    ...ofRole,
    ...ofFunction,
    ...(timezone === undefined ? [] : [['timezone', timezone] as const]),
  ])
}

const isolations = ['serializable', 'repeatable read'] as const

/** The level has to be said when the transaction begins; the default is PostgreSQL's. */
const isolationOf = (settings: Settings): TransactionOptions['isolation'] =>
  isolations.find((level) => level === settings.get('default_transaction_isolation'))

/** One round trip, unless something has to run before the statement in its transaction. */
async function runStatement(
  { database, preRequest, receipt }: RequestRunner,
  settings: Settings,
  caller: Caller,
  statement: Statement,
  options: TransactionOptions,
): Promise<unknown[]> {
  const once = options.readOnly ? undefined : receipt
  if (preRequest === undefined && settings.size === 0 && !once) {
    return (await database.asCaller(caller, statement, options)).rows
  }
  return database.transactionAs(
    caller,
    async (transaction) => {
      const { query } = transaction
      if (settings.size > 0)
        await query({ text: setText, values: [JSON.stringify(Object.fromEntries(settings))] })
      if (preRequest !== undefined) await query({ text: `select ${preRequest}()` })
      const write = async () => (await query(statement)).rows
      if (!once) return write()
      return [await runOnce(transaction, once, async () => (await write())[0] as unknown as AnswerRow)]
    },
    options,
  )
}

const setText = `select pg_catalog.set_config(setting.key, setting.value, true)
  from pg_catalog.json_each_text($1::json) as setting`

async function totalOf(
  { database, exactCounts }: Runner,
  row: AnswerRow,
  { estimate }: FoundStatement,
  caller: Caller,
): Promise<number | undefined> {
  const counted = row.total ?? undefined
  if (!estimate || row.hidden || (counted !== undefined && counted <= exactCounts)) return counted
  const { rows } = await database.asCaller<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
    caller,
    estimate,
    { readOnly: true },
  )
  return Math.max(rows[0]!['QUERY PLAN'][0].Plan['Plan Rows'], counted ?? 0)
}
