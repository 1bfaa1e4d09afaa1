import type { CallBody, RowsBody } from './body/read-body.ts'
import type { Format } from './media.ts'
import type { Preferences } from './preferences.ts'
import type { RestQuery } from './query.ts'
import type { Window } from './range.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** A request up to its body, read as far as is possible without the catalogue. */
export interface RequestHead {
  readonly method: Method
  /** A function is called; otherwise rows of a relation are read or written. */
  readonly isCall: boolean
  readonly schema: string
  /** Name of the relation or function. */
  readonly name: string
  readonly query: RestQuery
  readonly preferences: Preferences
  readonly format: Format
  readonly window: Window
}

export interface RestRequest extends RequestHead {
  readonly rows: RowsBody | undefined
  readonly call: CallBody | undefined
}

/** How a surface is set up, as far as the statements depend on it. */
export interface PlanSettings {
  /** Most rows of one answer, and of one to-many embed. */
  readonly maxRows: number | undefined
  readonly aggregates: boolean
  /** Updates and deletes need a filter. */
  readonly safeUpdate: boolean
}
