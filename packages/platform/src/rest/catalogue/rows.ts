import type { Column } from './model.ts'

/** The rows that the queries in `sql/` answer with. */
export interface RelationRow {
  readonly id: number
  readonly schema: string
  readonly name: string
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f' | 'c'
  readonly rowType: number
  readonly comment: string | null
  readonly events: number
  readonly columns: readonly ColumnRow[]
}

export interface ColumnRow extends Column {
  readonly number: number
}

export interface KeyRow {
  readonly name: string
  readonly relation: number
  readonly kind: 'p' | 'u' | 'f'
  readonly columns: readonly number[]
  readonly target: number
  readonly targetColumns: readonly number[] | null
}

export interface ViewRow {
  readonly id: number
  readonly action: string
}

export interface FunctionRow {
  readonly schema: string
  readonly name: string
  readonly volatility: 'i' | 's' | 'v'
  readonly many: boolean
  readonly rows: number
  readonly variadic: boolean
  readonly defaults: number
  readonly comment: string | null
  readonly returnType: number
  readonly returns: string
  readonly returnBaseType: string
  readonly returnKind: string
  readonly returnMediaType: string | null
  readonly exposed: boolean
  /** `name=value` of its `SET` clauses, or null. */
  readonly settings: readonly string[] | null
  readonly arguments: readonly ArgumentRow[]
}

export interface ArgumentRow {
  readonly name: string
  /** i(n), o(ut), b(oth), v(ariadic), t(able column). */
  readonly mode: 'i' | 'o' | 'b' | 'v' | 't'
  readonly type: string
  readonly typeId: number
  readonly baseType: string
}

export interface TypeRow {
  readonly own: boolean
  readonly name: string
  readonly type: string
}

/** One setting of a role that requests may act as. */
export interface RoleSettingRow {
  readonly role: string
  readonly name: string
  readonly value: string
}

/** Everything the catalogue is built from. */
export interface CatalogueRows {
  readonly fingerprint: string
  /** Schemas whose relations requests may name. */
  readonly exposed: readonly string[]
  readonly relations: readonly RelationRow[]
  readonly keys: readonly KeyRow[]
  readonly views: readonly ViewRow[]
  readonly functions: readonly FunctionRow[]
  readonly types: readonly TypeRow[]
  readonly roleSettings: readonly RoleSettingRow[]
}
