import { type ProjectDatabase, quoteName } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { RowChange } from '../../tail/index.ts'
import type { Filter } from './compile-filter.ts'
import type { TableDescription } from './describe-table.ts'
import { conditionSql } from './filter.ts'
import { compositeText, type Side } from './row-values.ts'

/** What the database said of filters whose types only it can compare. */
export interface SlowFilterVerdicts {
  holds(filter: string, change: RowChange, side: Side): boolean
  /** Filters that the database refused for these rows, and why. */
  readonly failed: ReadonlyMap<string, string>
}

/** A single slow filter may hold up all others for this part of what a batch may take. */
const shareOfOne = 0.4

const nothing: SlowFilterVerdicts = { holds: () => false, failed: new Map() }

/** Asks about all filters at once; when that fails, about each alone, so that one does no harm to the others. */
export async function judgeSlowFilters(
  context: { readonly database: ProjectDatabase; readonly policyMilliseconds: number },
  table: TableDescription,
  role: string,
  filters: readonly Filter[],
  changes: readonly RowChange[],
): Promise<SlowFilterVerdicts> {
  if (filters.length === 0) return nothing
  const images: string[] = []
  const places = new Map<RowChange, Partial<Record<Side, number>>>()
  const columns = new Set(filters.flatMap(({ conditions }) => conditions.map(({ column }) => column.name)))
  const place = (image: RowChange['after']) =>
    image === null
      ? undefined
      : images.push(
          compositeText(table.columns, image, ({ name, kind }) => columns.has(name) || kind === 'd'),
        )
  for (const change of changes) {
    const before = table.fullImages ? place(change.before) : undefined
    const after = place(change.after)
    places.set(change, {
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    })
  }
  const failed = new Map<string, string>()
  const found = new Map<string, ReadonlySet<number>>()
  const ask = async (some: readonly Filter[]) => {
    const sets = await askFilters(context, table, role, some, images)
    some.forEach((filter, index) => {
      found.set(filter.text, new Set(sets[index]))
    })
  }
  await ask(filters).catch(async () => {
    for (const filter of filters) {
      await ask([filter]).catch((error: unknown) => failed.set(filter.text, messageOf(error)))
    }
  })
  return {
    failed,
    holds: (filter, change, side) => {
      const at = places.get(change)?.[side]
      return at !== undefined && (found.get(filter)?.has(at) ?? false)
    },
  }
}

async function askFilters(
  {
    database,
    policyMilliseconds,
  }: { readonly database: ProjectDatabase; readonly policyMilliseconds: number },
  table: TableDescription,
  role: string,
  filters: readonly Filter[],
  images: readonly string[],
): Promise<readonly (readonly number[])[]> {
  const type = `${quoteName(table.schema)}.${quoteName(table.table)}`
  const values: unknown[] = [images]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const sets = filters.map(({ conditions }) => {
    const condition = conditions.map(({ condition: one, column }) => conditionSql(one, column, parameter))
    return `array(select plinth_n::int from unnest($1::text[]) with ordinality x(plinth_i, plinth_n),
      lateral unnest(array[plinth_i::${type}]) as t where ${condition.join(' and ')})`
  })
  const { rows } = await database.asCaller<number[][] & object>(
    { role, claims: {} },
    { text: `select ${sets.join(', ')}`, values, rowMode: 'array' },
    { readOnly: true, statementTimeout: policyMilliseconds * (filters.length === 1 ? shareOfOne : 1) },
  )
  return rows[0]!
}
