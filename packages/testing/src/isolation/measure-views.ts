import { authenticatorRole, quoteName } from '@plinth/platform/database'
import type pg from 'pg'
import type { Subject } from './measure-table.ts'
import type { Rights } from './read-rights.ts'
import { runTrials } from './run-trials.ts'

/** How many rows of a view a subject reads, or `denied`, or the SQLSTATE of another refusal. */
export interface ViewReading {
  readonly view: string
  readonly subject: string
  readonly result: string
}

/** Reads every view as every subject: a view without `security_invoker` passes the policies of its tables. */
export async function measureViews(
  client: pg.Client,
  system: string,
  rights: readonly Rights[],
  subjects: readonly Subject[],
): Promise<readonly ViewReading[]> {
  const views = rights.filter(({ kind }) => kind.endsWith('view'))
  const cells = views.flatMap(({ name }) => subjects.map((subject) => ({ view: name, subject })))
  const outcomes = await runTrials(
    client,
    cells.map(({ view, subject: { caller } }) => ({
      role: caller.role,
      login: authenticatorRole(system),
      claims: caller.claims,
      row: {},
      statement: `select from public.${quoteName(view)}`,
    })),
  )
  return cells.map(({ view, subject }, index) => {
    const { state, count } = outcomes[index]!
    const result = state === '42501' ? 'denied' : (state ?? String(count))
    return { view, subject: subject.name, result }
  })
}
