import { requestRoles } from '@plinth/platform/database'
import { type Attempt, verbs } from './measure-table.ts'
import type { ViewReading } from './measure-views.ts'
import type { Rights } from './read-rights.ts'

export interface Measured {
  readonly rights: readonly Rights[]
  readonly attempts: readonly Attempt[]
  readonly views: readonly ViewReading[]
}

/** The matrix as tables that a person can read and a review can compare. */
export function renderMatrix({ rights, attempts, views }: Measured): string {
  const relations = rights.filter(({ kind }) => kind !== 'function')
  const functions = rights.filter(({ kind }) => kind === 'function')
  const blocks = relations.map((relation) =>
    [
      ...renderRights(relation),
      ...renderAttempts(attempts.filter(({ table }) => table === relation.name)),
      ...views
        .filter(({ view }) => view === relation.name)
        .map((reading) => `  ${reading.subject} reads ${reading.result}`),
    ].join('\n'),
  )
  return `${[...blocks, renderFunctions(functions)].join('\n\n')}\n`
}

function renderRights({ name, kind, guarded, policies, rights }: Rights): readonly string[] {
  const guard =
    kind === 'table'
      ? `row security ${guarded ? 'on' : 'OFF'}`
      : `rights of the ${guarded ? 'reader' : 'OWNER'}`
  return [
    `${name}: ${kind}, ${guard}`,
    ...policies.map((policy) => `  policy ${policy}`),
    ...requestRoles.map((role) => `  ${role} has ${rights[role]!.join(', ') || 'no right'}`),
  ]
}

/** One line per subject and owner; subjects whose lines are the same share them. */
function renderAttempts(attempts: readonly Attempt[]): readonly string[] {
  if (attempts.length === 0) return []
  const bySubject = Map.groupBy(attempts, ({ subject }) => subject)
  const alike = Map.groupBy(bySubject.keys(), (subject) =>
    JSON.stringify(bySubject.get(subject)!.map(({ owner, verb, result }) => [owner, verb, result])),
  )
  const lines = [...alike.values()].flatMap((subjects) => {
    const byOwner = Map.groupBy(bySubject.get(subjects[0]!)!, ({ owner }) => owner)
    return [...byOwner].map(([owner, cells]) => [
      subjects.join(', '),
      owner,
      ...cells.map(({ result }) => result),
    ])
  })
  return align([['', '', ...verbs], ...lines])
}

function renderFunctions(functions: readonly Rights[]): string {
  const callers = ({ rights }: Rights) => requestRoles.filter((role) => rights[role]!.length > 0)
  return [
    'functions and who may call them',
    ...functions
      .filter((each) => callers(each).length > 0)
      .map((each) => `  ${each.name}${each.guarded ? '' : ' security definer'}: ${callers(each).join(', ')}`),
  ].join('\n')
}

function align(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd(),
  )
}
