import type {
  Argument,
  CallableFunction,
  Column,
  ComputedField,
  Relation,
  Relationship,
} from '../catalogue/model.ts'
import type { JsonStep } from '../request/field.ts'
import type { Operation } from '../request/filter.ts'
import type { Aggregate } from '../request/select.ts'

/** Rows that fields can be taken from. */
export interface Rowset {
  /** For messages: the relation's or function's name. */
  readonly name: string
  readonly relation: Relation | undefined
  readonly columns: ReadonlyMap<string, Column>
  readonly computed: ReadonlyMap<string, ComputedField>
}

/** A column or computed field, and the way into its value. */
export interface PlannedValue {
  readonly name: string
  readonly computed: ComputedField | undefined
  readonly baseType: string
  readonly steps: readonly JsonStep[]
}

export type PlannedField =
  | { readonly kind: 'star' }
  | {
      readonly kind: 'value'
      readonly output: string
      /** Undefined for `count()`. */
      readonly value: PlannedValue | undefined
      readonly cast: string | undefined
      readonly aggregate: Aggregate | undefined
      readonly aggregateCast: string | undefined
    }
  | { readonly kind: 'embed'; readonly embed: PlannedEmbed }

export type PlannedCondition =
  | {
      readonly kind: 'tree'
      readonly joiner: 'and' | 'or'
      readonly negated: boolean
      readonly members: readonly PlannedCondition[]
    }
  | {
      readonly kind: 'value'
      readonly value: PlannedValue
      readonly negated: boolean
      readonly operation: Operation
    }
  | { readonly kind: 'embed'; readonly embed: PlannedEmbed; readonly isNull: boolean }

export interface PlannedOrder {
  readonly value: PlannedValue
  /** Set when the value is that of a to-one embed. */
  readonly embed: PlannedEmbed | undefined
  readonly direction: 'asc' | 'desc' | undefined
  readonly nulls: 'first' | 'last' | undefined
}

/** A number that the statement takes as a parameter. */
export type Bound =
  | { readonly from: 'slot'; readonly slot: number }
  | { readonly from: 'constant'; readonly value: number }
  | { readonly from: 'limit' | 'offset' }

/** A selection from one rowset, with everything embedded in it. */
export interface PlannedRead {
  readonly rowset: Rowset
  /** Name of the rowset in SQL, unique in the statement. */
  readonly alias: string
  readonly fields: readonly PlannedField[]
  /** All embeds, hidden ones included. */
  readonly embeds: readonly PlannedEmbed[]
  readonly where: readonly PlannedCondition[]
  readonly order: readonly PlannedOrder[]
  readonly limit: Bound | undefined
  readonly offset: Bound | undefined
  readonly aggregated: boolean
  /** Its columns become the parent's, which takes their aggregates. */
  readonly spread: boolean
}

/** A column of a spread embed. Its aggregate is taken over the rows that it is spread into. */
export interface SpreadColumn {
  readonly output: string
  readonly aggregate: Aggregate | undefined
  readonly aggregateCast: string | undefined
  /** False for `count()`, which has no column: it counts the rows that are there. */
  readonly selected: boolean
}

export interface PlannedEmbed {
  readonly relationship: Relationship
  readonly alias: string
  /** As the request names what is embedded. */
  readonly name: string
  /** Key in the parent's object, and the name that filters use. */
  readonly output: string
  readonly toMany: boolean
  readonly inner: boolean
  readonly spread: boolean
  /** Of a spread embed: the columns that it adds to the rows of the first read above it that is not spread itself. */
  readonly columns: readonly SpreadColumn[]
  /** Nothing of it is selected: it is only filtered by. */
  readonly hidden: boolean
  readonly read: PlannedRead
}

/** What is written, and where. */
export type PlannedWrite =
  | {
      readonly kind: 'insert'
      readonly relation: Relation
      readonly columns: readonly Column[]
      /** Keys that a row lacks take the column's default instead of null. */
      readonly defaults: boolean
      readonly isArray: boolean
      readonly conflict: PlannedConflict | undefined
      /** PUT: only the row whose key is that of the filters is written. */
      readonly where: readonly PlannedCondition[]
    }
  | {
      readonly kind: 'update'
      readonly relation: Relation
      readonly columns: readonly Column[]
      readonly defaults: boolean
      readonly isArray: boolean
      readonly where: readonly PlannedCondition[]
      readonly window: WriteWindow | undefined
    }
  | {
      readonly kind: 'delete'
      readonly relation: Relation
      readonly where: readonly PlannedCondition[]
      readonly window: WriteWindow | undefined
    }

export interface PlannedConflict {
  readonly columns: readonly Column[]
  readonly resolution: 'merge' | 'ignore'
}

/** Rows of a limited update or delete: the first ones in this order. */
export interface WriteWindow {
  readonly key: readonly string[]
  readonly order: readonly PlannedOrder[]
}

export interface PlannedCall {
  readonly function: CallableFunction
  readonly input:
    | { readonly kind: 'json'; readonly arguments: readonly Argument[] }
    | {
        readonly kind: 'texts'
        readonly arguments: readonly { argument: Argument; slots: readonly number[] }[]
      }
    | { readonly kind: 'single'; readonly argument: Argument }
}
