import type { ProjectDatabase } from '../../database/index.ts'
import type { AppError } from '../../kernel/index.ts'
import type { RowChange } from '../../tail/index.ts'
import type { Session } from '../channels/session.ts'
import { realtimeErrors } from '../errors.ts'
import type { AnyAudience, Audiences } from './audience.ts'
import { type BatchImages, indexImages, type Side, textsOf } from './batch-images.ts'
import type { TableCatalogue, TableDescription } from './describe-table.ts'
import { compareImages } from './filters/compare-images.ts'
import type { Filter } from './filters/compile-filter.ts'
import type { PolicyCheck } from './policies/check-policies.ts'

/** What the subscribers of a batch may see of its changes. */
export interface CheckedBatch {
  /** The table of a change; undefined when nobody may or wants to follow it. */
  tableOf(change: RowChange): CheckedTable | undefined
}

export interface CheckedTable {
  readonly table: TableDescription
  readonly images: BatchImages
  readonly audiences: readonly AnyAudience[]
  /** True when policies show the session this image. False for an image that is not there or not complete. */
  sees(session: Session, change: RowChange, side: Side): boolean
  /**
   * True when the session sees the image and the filter holds for it. Not for patterns: those are evaluated apart.
   * Where a deletion carries nothing but the key, a filter that needs only the key is applied to that.
   */
  matches(filter: Filter | null, session: Session, change: RowChange, side: Side): boolean
  /** Why an audience cannot follow this table any more; undefined as long as it can. */
  failure(audience: AnyAudience): AppError | undefined
}

export interface CheckContext {
  readonly database: ProjectDatabase
  readonly catalogue: TableCatalogue
  readonly policies: PolicyCheck
  readonly audiences: Pick<Audiences, 'find'>
  /** Milliseconds that comparisons may take for one batch. */
  readonly policyMilliseconds: number
}

/**
 * Applies policies to the changes of a batch, then filters to what each subscriber may see. Policies are one question to
 * the database per table and role, whatever the number of subscribers.
 */
export async function checkChanges(
  context: CheckContext,
  changes: readonly RowChange[],
): Promise<CheckedBatch> {
  const byTable = Map.groupBy(changes, ({ relation }) => relation.oid)
  const followed = [...byTable.values()].filter(
    ([first]) => context.audiences.find(first!.relation.schema, first!.relation.table).length > 0,
  )
  if (followed.length === 0) return { tableOf: () => undefined }
  const checked = await checkCurrent(context, followed)
  const byOid = new Map(checked.map((one) => [one.table.oid, one]))
  return { tableOf: ({ relation }) => byOid.get(relation.oid) }
}

/**
 * Checks by what is known of the tables, and asks meanwhile whether that still holds. It is asked after the changes have
 * arrived, so whatever was altered before they were made is noticed; then they are checked again.
 */
async function checkCurrent(
  context: CheckContext,
  followed: readonly (readonly RowChange[])[],
): Promise<readonly CheckedTable[]> {
  const described = await context.catalogue.recall(followed.map(([first]) => first!.relation))
  const [holds, checked] = await Promise.allSettled([
    context.catalogue.holds(described.values()),
    Promise.all(
      followed.map(async (of) => {
        const table = described.get(of[0]!.relation.oid)
        return table?.published ? checkTable(context, table, of) : undefined
      }),
    ),
  ])
  if (holds.status === 'rejected') throw holds.reason
  if (!holds.value) return checkCurrent(context, followed)
  if (checked.status === 'rejected') throw checked.reason
  return checked.value.filter((one) => one !== undefined)
}

async function checkTable(
  context: CheckContext,
  table: TableDescription,
  changes: readonly RowChange[],
): Promise<CheckedTable> {
  const audiences = context.audiences.find(table.schema, table.table)
  const images = indexImages(table, changes)
  const roles = await Promise.all(
    [...Map.groupBy(audiences, ({ session }) => session.caller.role)].map(
      async ([role, members]) => [role, await checkRole({ context, table, role, images }, members)] as const,
    ),
  )
  const byRole = new Map(roles)
  const roleOf = ({ caller }: Session) => byRole.get(caller.role)
  return {
    table,
    images,
    audiences,
    sees: (session, change, side) => {
      const image = images.indexOf(change, side)
      return image !== undefined && (roleOf(session)?.sees(session, image) ?? false)
    },
    matches: (filter, session, change, side) => {
      const image = images.indexOf(change, side)
      if (image !== undefined) return roleOf(session)?.matches(filter, session, image) ?? false
      const key = change[side]
      return key !== null && (filter === null || (filter.cost === 'quick' && filter.quick(key) === true))
    },
    failure: (audience) => roleOf(audience.session)?.failure(audience),
  }
}

interface RoleQuestion {
  readonly context: CheckContext
  readonly table: TableDescription
  readonly role: string
  readonly images: BatchImages
}

interface CheckedRole {
  sees(session: Session, image: number): boolean
  matches(filter: Filter | null, session: Session, image: number): boolean
  failure(audience: AnyAudience): AppError | undefined
}

async function checkRole(question: RoleQuestion, audiences: readonly AnyAudience[]): Promise<CheckedRole> {
  const { sees, raised } = await checkSessions(question, audiences)
  const comparisons = await compareImages({ ...question, audiences, sees })
  const name = `${question.table.schema}.${question.table.table}`
  return {
    sees,
    matches: (filter, session, image) => {
      if (!sees(session, image)) return false
      if (filter === null) return true
      if (filter.cost === 'quick') return filter.quick(question.images.all[image]!) === true
      return comparisons.holds(filter, session, image)
    },
    failure: (audience) => {
      const state = raised.get(audience.session.key)
      if (state !== undefined) return realtimeErrors.policy_raised({ table: name, state })
      return comparisons.failure(audience)
    },
  }
}

/** What policies show to whom. */
async function checkSessions(
  { context, table, role, images }: RoleQuestion,
  audiences: readonly AnyAudience[],
): Promise<{
  sees(session: Session, image: number): boolean
  readonly raised: ReadonlyMap<string, string>
}> {
  const access = await context.policies.prepare(table, role, 'read')
  if (access.kind !== 'checked') return { sees: () => access.kind === 'all', raised: new Map() }
  const { texts, placeOf } = textsOf(table, images.all, (column) => access.isNeeded(column))
  const sessions = [...new Map(audiences.map(({ session }) => [session.key, session])).values()]
  if (texts.length === 0) return { sees: () => false, raised: new Map() }
  const { allowed, raised } = await context.policies.check({
    table,
    question: 'read',
    role,
    sessions,
    images: texts,
  })
  const sees = (session: Session, image: number) => {
    const place = placeOf(image)
    return place !== undefined && (allowed.get(session.key)?.[place] ?? false)
  }
  return { sees, raised }
}
