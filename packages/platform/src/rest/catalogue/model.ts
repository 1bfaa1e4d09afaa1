/** A column of a table or view, or of the rows that a function returns. */
export interface Column {
  readonly name: string
  /** As `format_type` writes it, schema-qualified: safe in SQL text. */
  readonly type: string
  /** Name of the type below domains, without its schema: `jsonb`, `tsvector`, `_int4`. */
  readonly baseType: string
  readonly notNull: boolean
  /** SQL of the default, sequences of identity columns included; null when there is none. */
  readonly default: string | null
  /** PostgreSQL computes it (generated, or identity always): it cannot be written. */
  readonly generated: boolean
  readonly comment: string | null
  readonly enum: readonly string[] | null
}

/** A function of one argument, the row, that reads like a column. */
export interface ComputedField {
  readonly schema: string
  readonly name: string
  readonly type: string
  readonly baseType: string
}

/** `type` is a composite type: functions return its rows, but it holds none. */
export type RelationKind = 'table' | 'view' | 'type'

/** A table or view of any schema. */
export interface Relation {
  readonly id: number
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
  /** An ordinary table, whose rows carry system columns. */
  readonly ordinary: boolean
  readonly comment: string | null
  readonly columns: ReadonlyMap<string, Column>
  /** Of the table; of a view, its base table's when the view shows it whole. */
  readonly primaryKey: readonly string[]
  readonly computed: ReadonlyMap<string, ComputedField>
  readonly insertable: boolean
  readonly updatable: boolean
  readonly deletable: boolean
}

export type Cardinality = 'many-to-one' | 'one-to-many' | 'one-to-one' | 'many-to-many'

/** Two columns that are equal in joined rows: of the side that is looked from, and of the other. */
export type JoinPair = readonly [string, string]

/** A way from one relation's rows to another's. */
export interface Relationship {
  readonly from: Relation
  readonly to: Relation
  readonly cardinality: Cardinality
  /** The foreign key's name; of many-to-many the junction's two, of a computed one the function's. */
  readonly constraint: string
  /** True when `from` is the side that holds the foreign key. */
  readonly holdsKey: boolean
  readonly pairs: readonly JoinPair[]
  readonly junction?: {
    readonly relation: Relation
    readonly constraints: readonly [string, string]
    /** `from`'s columns with the junction's, and the junction's with `to`'s. */
    readonly fromPairs: readonly JoinPair[]
    readonly toPairs: readonly JoinPair[]
  }
  /** Set when a function gives the other side's rows. */
  readonly computedBy?: { readonly schema: string; readonly name: string }
}

export interface Argument {
  readonly name: string
  readonly type: string
  readonly baseType: string
  readonly required: boolean
  readonly variadic: boolean
}

/** What a function gives back. */
export type Returned =
  | { readonly kind: 'void' }
  /** `mediaType` when the type is a domain that is named like one: the value is the whole body. */
  | {
      readonly kind: 'scalar'
      readonly type: string
      readonly baseType: string
      readonly mediaType: string | undefined
    }
  /** Rows; `relation` when they are those of a table or view, else the columns are the function's own. */
  | {
      readonly kind: 'rows'
      readonly relation: Relation | undefined
      readonly columns: ReadonlyMap<string, Column>
    }

export interface CallableFunction {
  readonly schema: string
  readonly name: string
  readonly comment: string | null
  readonly arguments: readonly Argument[]
  readonly returned: Returned
  /** Returns any number of rows or values instead of one. */
  readonly many: boolean
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  /** Of its `SET` clauses, those that only help when they hold for the whole transaction: timeouts and isolation. */
  readonly settings: Settings
}

/** Names of PostgreSQL's settings, and their values. */
export type Settings = ReadonlyMap<string, string>

/** What a database holds, as far as requests can name it. Read once and replaced whole after DDL. */
export interface Catalogue {
  /** Changes whenever something in the catalogue's sources changed. */
  readonly fingerprint: string
  relation(schema: string, name: string): Relation | undefined
  relations(schema: string): readonly Relation[]
  /** Every way from `from` to relations of the same exposed schema. */
  relationshipsOf(from: Relation): readonly Relationship[]
  functions(schema: string, name: string): readonly CallableFunction[]
  functionNames(schema: string): readonly string[]
  /** What `alter role … set` gives a role that requests act as. */
  roleSettings(role: string): Settings
  /** The canonical, quoted SQL of a type that a request names in a cast, or undefined. */
  castType(name: string): string | undefined
}
