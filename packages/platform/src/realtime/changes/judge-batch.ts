import type { ProjectDatabase } from '../../database/index.ts'
import type { RowChange, RowImage } from '../../tail/index.ts'
import type { Session } from '../channels/session.ts'
import type { AnyAudience, Audiences } from './audience.ts'
import type { Access } from './check-function.ts'
import type { Filter } from './compile-filter.ts'
import type { ColumnDescription, TableCatalogue, TableDescription } from './describe-table.ts'
import type { Judge } from './judge.ts'
import { compositeText, type Side } from './row-values.ts'
import { judgeSlowFilters, type SlowFilterVerdicts } from './slow-filters.ts'

/** What the database said of the changes of a batch. */
export interface JudgedBatch {
  /** The table of a change; undefined when nobody may or wants to follow it. */
  tableOf(change: RowChange): JudgedTable | undefined
}

export interface JudgedTable {
  readonly table: TableDescription
  readonly audiences: readonly AnyAudience[]
  /** True when the audience's policies show it this image. False for an image that is not there or not complete. */
  sees(audience: AnyAudience, change: RowChange, side: Side): boolean
  /** True when the image is there and the filter holds for it. */
  matches(filter: Filter | null, session: Session, change: RowChange, side: Side): boolean
  /** Why an audience cannot follow this table any more; undefined as long as it can. */
  failure(audience: AnyAudience): string | undefined
}

export interface BatchContext {
  readonly database: ProjectDatabase
  readonly catalogue: TableCatalogue
  readonly judge: Judge
  readonly audiences: Pick<Audiences, 'find'>
  readonly policyMilliseconds: number
}

/**
 * Judges the changes of a batch: one question to the database per table and role, whatever the number of subscribers.
 * Rows that agree in every column that the policies read are asked about once.
 */
export async function judgeBatch(context: BatchContext, changes: readonly RowChange[]): Promise<JudgedBatch> {
  const byTable = Map.groupBy(changes, ({ relation }) => relation.oid)
  const followed = [...byTable.values()].filter(
    ([first]) => context.audiences.find(first!.relation.schema, first!.relation.table).length > 0,
  )
  if (followed.length === 0) return { tableOf: () => undefined }
  const judged = await judgeCurrent(context, followed)
  const byOid = new Map(judged.map((one) => [one.table.oid, one]))
  return { tableOf: ({ relation }) => byOid.get(relation.oid) }
}

/**
 * Judges by what is known of the tables, and asks meanwhile whether that still holds. It is asked after the changes have
 * arrived, so whatever was altered before they were made is noticed; then they are judged again.
 */
async function judgeCurrent(
  context: BatchContext,
  followed: readonly (readonly RowChange[])[],
): Promise<readonly JudgedTable[]> {
  const described = await context.catalogue.recall(followed.map(([first]) => first!.relation))
  const [holds, judged] = await Promise.allSettled([
    context.catalogue.holds(described.values()),
    Promise.all(
      followed.map(async (of) => {
        const table = described.get(of[0]!.relation.oid)
        return table?.published ? judgeTable(context, table, of) : undefined
      }),
    ),
  ])
  if (holds.status === 'rejected') throw holds.reason
  if (!holds.value) return judgeCurrent(context, followed)
  if (judged.status === 'rejected') throw judged.reason
  return judged.value.filter((one) => one !== undefined)
}

async function judgeTable(
  context: BatchContext,
  table: TableDescription,
  changes: readonly RowChange[],
): Promise<JudgedTable> {
  const audiences = context.audiences.find(table.schema, table.table)
  const roles = await Promise.all(
    [...Map.groupBy(audiences, ({ session }) => session.caller.role)].map(
      async ([role, members]) => [role, await judgeRole(context, table, role, members, changes)] as const,
    ),
  )
  const byRole = new Map(roles)
  return {
    table,
    audiences,
    sees: (audience, change, side) =>
      byRole.get(audience.session.caller.role)?.sees(audience.session, change, side) ?? false,
    matches: (filter, session, change, side) =>
      byRole.get(session.caller.role)?.matches(filter, change, side) ?? false,
    failure: (audience) => byRole.get(audience.session.caller.role)?.failure(audience),
  }
}

interface JudgedRole {
  sees(session: Session, change: RowChange, side: Side): boolean
  matches(filter: Filter | null, change: RowChange, side: Side): boolean
  failure(audience: AnyAudience): string | undefined
}

async function judgeRole(
  context: BatchContext,
  table: TableDescription,
  role: string,
  audiences: readonly AnyAudience[],
  changes: readonly RowChange[],
): Promise<JudgedRole> {
  const sides = changes.map((change) => ({ change, images: imagesOf(table, change) }))
  const slow = await judgeSlowFilters(context, table, role, slowFiltersOf(audiences), changes)
  const access = await context.judge.prepare(table, role, 'read')
  const images = access.kind === 'judged' ? indexImages(table, access, sides) : undefined
  const answer = images && (await askDatabase(context, table, role, audiences, images, slow))
  return {
    sees: (session, change, side) => {
      if (!images || !answer) return access.kind === 'all' && imageOf(table, change, side) !== null
      const index = images.indexOf(change, side)
      return index !== undefined && (answer.verdicts.get(session.key)?.[index] ?? false)
    },
    matches: (filter, change, side) => filterHolds(table, filter, slow, change, side),
    failure: (audience) => answer?.raised.get(audience.session.key) ?? slowFailure(audience, slow),
  }
}

const filtersOf = (audience: AnyAudience): readonly (Filter | null)[] =>
  audience.kind === 'watch' ? [audience.view.filter] : audience.bindings.map(({ filter }) => filter)

function slowFiltersOf(audiences: readonly AnyAudience[]): readonly Filter[] {
  const slow = audiences.flatMap(filtersOf).filter((filter) => filter !== null && !filter.quick)
  return [...new Map((slow as Filter[]).map((filter) => [filter.text, filter])).values()]
}

function slowFailure(audience: AnyAudience, slow: SlowFilterVerdicts): string | undefined {
  const failed = filtersOf(audience).find((filter) => filter && slow.failed.has(filter.text))
  return failed ? slow.failed.get(failed.text) : undefined
}

function filterHolds(
  table: TableDescription,
  filter: Filter | null,
  slow: SlowFilterVerdicts,
  change: RowChange,
  side: Side,
): boolean {
  const image = side === 'after' ? change.after : change.before
  if (image === null) return false
  if (filter === null) return true
  if (filter.quick) return filter.quick(image) === true
  return imageOf(table, change, side) !== null && slow.holds(filter.text, change, side)
}

/** The images that can be judged. Without full replica identity, what comes before a change is only a key. */
function imagesOf(table: TableDescription, change: RowChange): Readonly<Record<Side, RowImage | null>> {
  return { after: change.after, before: table.fullImages ? change.before : null }
}

const imageOf = (table: TableDescription, change: RowChange, side: Side): RowImage | null =>
  imagesOf(table, change)[side]

interface IndexedImages {
  readonly texts: readonly string[]
  readonly changes: readonly RowChange[]
  indexOf(change: RowChange, side: Side): number | undefined
}

function indexImages(
  table: TableDescription,
  access: Access & { kind: 'judged' },
  sides: readonly { change: RowChange; images: Readonly<Record<Side, RowImage | null>> }[],
): IndexedImages {
  const needed = table.columns.filter((column) => access.isNeeded(column))
  const byText = new Map<string, number>()
  const places = new Map<RowChange, Partial<Record<Side, number>>>()
  const place = (image: RowImage | null): number | undefined => {
    if (image === null || !needed.every((column) => isKnown(column, image))) return undefined
    const text = compositeText(table.columns, image, (column) => access.isNeeded(column))
    const index = byText.get(text) ?? byText.size
    byText.set(text, index)
    return index
  }
  for (const { change, images } of sides) {
    const [before, after] = [place(images.before), place(images.after)]
    places.set(change, {
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    })
  }
  return {
    texts: [...byText.keys()],
    changes: sides.map(({ change }) => change),
    indexOf: (change, side) => places.get(change)?.[side],
  }
}

/** Generated columns do not travel on every version of PostgreSQL; a policy that needs one then sees null. */
const isKnown = (column: ColumnDescription, image: RowImage): boolean =>
  column.generated || image[column.name] !== undefined

async function askDatabase(
  context: BatchContext,
  table: TableDescription,
  role: string,
  audiences: readonly AnyAudience[],
  images: IndexedImages,
  slow: SlowFilterVerdicts,
) {
  if (images.texts.length === 0)
    return { verdicts: new Map<string, boolean[]>(), raised: new Map<string, string>() }
  const bySession = Map.groupBy(audiences, ({ session }) => session.key)
  const sessions = [...bySession.values()].flatMap((members) => {
    const picks = picksOf(table, members, images, slow)
    return picks?.length === 0 ? [] : [{ session: members[0]!.session, picks }]
  })
  if (sessions.length === 0)
    return { verdicts: new Map<string, boolean[]>(), raised: new Map<string, string>() }
  return context.judge.judge({ table, question: 'read', role, sessions, images: images.texts })
}

/** Images that the filters of these audiences let through; null when one of them wants all. */
function picksOf(
  table: TableDescription,
  audiences: readonly AnyAudience[],
  images: IndexedImages,
  slow: SlowFilterVerdicts,
): readonly number[] | null {
  const filters = audiences.flatMap(filtersOf)
  if (filters.some((filter) => filter === null)) return null
  const picks = new Set<number>()
  for (const change of images.changes) {
    for (const side of ['before', 'after'] as const) {
      const index = images.indexOf(change, side)
      if (index === undefined) continue
      if (filters.some((filter) => filterHolds(table, filter, slow, change, side))) picks.add(index)
    }
  }
  // An update that passes a filter on one side is also asked about on the other: what is shown of it depends on both.
  for (const change of images.changes) {
    const [before, after] = [images.indexOf(change, 'before'), images.indexOf(change, 'after')]
    if (before !== undefined && after !== undefined && (picks.has(before) || picks.has(after))) {
      picks.add(before).add(after)
    }
  }
  return [...picks].sort((a, b) => a - b)
}
