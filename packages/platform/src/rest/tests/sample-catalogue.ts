import { buildCatalogue } from '../catalogue/build-catalogue.ts'
import type { ColumnRow, FunctionRow, RelationRow } from '../catalogue/rows.ts'

const column = (number: number, name: string, type: string, baseType = type): ColumnRow => ({
  number,
  name,
  type,
  baseType,
  notNull: false,
  default: name === 'label' ? "'none'::text" : null,
  generated: false,
  comment: null,
  enum: null,
})

const relation = (id: number, name: string, columns: ColumnRow[]): RelationRow => ({
  id,
  schema: 'public',
  name,
  kind: 'r',
  rowType: id + 1_000,
  comment: null,
  events: 28,
  columns,
})

const searching: FunctionRow = {
  schema: 'public',
  name: 'find_items',
  volatility: 's',
  many: true,
  rows: 1000,
  variadic: false,
  defaults: 0,
  comment: null,
  returnType: 1_001,
  returns: 'public.items',
  returnBaseType: 'items',
  returnKind: 'c',
  returnMediaType: null,
  exposed: true,
  settings: null,
  arguments: [{ name: 'term', mode: 'i', type: 'text', typeId: 25, baseType: 'text' }],
}

/** Two tables, one foreign key and a function, without a database. */
export const sampleCatalogue = buildCatalogue({
  fingerprint: 'sample',
  exposed: ['public'],
  relations: [
    relation(1, 'items', [
      column(1, 'id', 'integer', 'int4'),
      column(2, 'label', 'text'),
      column(3, 'data', 'jsonb'),
      column(4, 'maker_id', 'integer', 'int4'),
      column(5, 'odd "name"', 'text'),
    ]),
    relation(2, 'makers', [column(1, 'id', 'integer', 'int4'), column(2, 'name', 'text')]),
  ],
  keys: [
    { name: 'items_pkey', relation: 1, kind: 'p', columns: [1], target: 0, targetColumns: null },
    { name: 'makers_pkey', relation: 2, kind: 'p', columns: [1], target: 0, targetColumns: null },
    { name: 'items_maker', relation: 1, kind: 'f', columns: [4], target: 2, targetColumns: [1] },
  ],
  views: [],
  roleSettings: [],
  functions: [searching],
  types: [
    { own: true, name: 'int4', type: 'integer' },
    { own: true, name: 'text', type: 'text' },
    { own: true, name: 'numeric', type: 'numeric' },
    { own: true, name: 'timestamptz', type: 'timestamp with time zone' },
  ],
})
