import type { ProjectDatabase } from '../../../database/index.ts'
import type { AppError } from '../../../kernel/index.ts'
import type { Session } from '../../channels/session.ts'
import { type AnyAudience, filtersOf } from '../audience.ts'
import type { BatchImages } from '../batch-images.ts'
import type { TableDescription } from '../describe-table.ts'
import type { Filter } from './compile-filter.ts'
import { evaluateFilters } from './evaluate-filters.ts'
import { filterFailure } from './filter-failure.ts'

/** What filters that only the database can compare let through. */
export interface Comparisons {
  /** For an image that the session sees. */
  holds(filter: Filter, session: Session, image: number): boolean
  failure(audience: AnyAudience): AppError | undefined
}

export interface CompareRequest {
  readonly context: { readonly database: ProjectDatabase; readonly policyMilliseconds: number }
  readonly table: TableDescription
  readonly role: string
  readonly images: BatchImages
  readonly audiences: readonly AnyAudience[]
  sees(session: Session, image: number): boolean
}

/** A filter and those who use it. */
interface Use {
  readonly key: string
  readonly filter: Filter
  readonly sessions: readonly Session[]
}

/**
 * Applies each filter to what those who use it may see, all in one statement. When that fails, each is applied for each
 * session alone: nobody is told anything of a row that only another may see.
 */
export async function compareImages(request: CompareRequest): Promise<Comparisons> {
  const uses = usesOf(request.audiences)
  const passing = new Map<string, ReadonlySet<number>>()
  const failed = new Map<string, AppError>()
  if (uses.length > 0 && request.images.all.length > 0) {
    await apply(request, uses, passing).catch(() => applyApart(request, uses, passing, failed))
  }
  return {
    holds: (filter, session, image) =>
      (passing.get(filter.text) ?? passing.get(keyOf(filter, session)))?.has(image) ?? false,
    failure: (audience) =>
      filtersOf(audience)
        .map((filter) => filter && failed.get(keyOf(filter, audience.session)))
        .find((error) => error) ?? undefined,
  }
}

const keyOf = (filter: Filter, session: Session): string => `${session.key} ${filter.text}`

function usesOf(audiences: readonly AnyAudience[]): readonly Use[] {
  const uses = new Map<string, { filter: Filter; sessions: Map<string, Session> }>()
  for (const audience of audiences) {
    for (const filter of filtersOf(audience)) {
      if (filter?.cost !== 'comparison') continue
      const use = uses.get(filter.text) ?? { filter, sessions: new Map() }
      use.sessions.set(audience.session.key, audience.session)
      uses.set(filter.text, use)
    }
  }
  return [...uses].map(([key, { filter, sessions }]) => ({
    key,
    filter,
    sessions: [...sessions.values()],
  }))
}

async function apply(
  { context, table, role, images, sees }: CompareRequest,
  uses: readonly Use[],
  passing: Map<string, ReadonlySet<number>>,
): Promise<void> {
  const tasks = uses.map(({ filter, sessions }) => ({
    filter,
    picks: [...images.all.keys()].filter((image) => sessions.some((session) => sees(session, image))),
  }))
  if (tasks.every(({ picks }) => picks.length === 0)) return
  const timeout = context.policyMilliseconds
  const found = await evaluateFilters(context.database, { table, role, images: images.all, tasks, timeout })
  uses.forEach(({ key }, index) => {
    passing.set(key, found[index]!)
  })
}

async function applyApart(
  request: CompareRequest,
  uses: readonly Use[],
  passing: Map<string, ReadonlySet<number>>,
  failed: Map<string, AppError>,
): Promise<void> {
  const name = `${request.table.schema}.${request.table.table}`
  for (const { filter, sessions } of uses) {
    for (const session of sessions) {
      const use: Use = { key: keyOf(filter, session), filter, sessions: [session] }
      await apply(request, [use], passing).catch((error: unknown) => {
        failed.set(use.key, filterFailure(name, error))
      })
    }
  }
}
