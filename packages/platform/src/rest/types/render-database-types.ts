import type { ProjectDatabase } from '../../database/index.ts'
import type { CallableFunction, Catalogue, Column, Relation } from '../catalogue/model.ts'
import { readCatalogue } from '../catalogue/read-catalogue.ts'
import { typeScriptOf } from './type-names.ts'

type Enums = ReadonlyMap<string, readonly string[]>

const enumsOfPublic = `
  select t.typname::text as name, array_agg(e.enumlabel::text order by e.enumsortorder) as labels
  from pg_type t join pg_enum e on e.enumtypid = t.oid
  where t.typnamespace = 'public'::regnamespace group by t.typname order by t.typname`

/**
 * `database.types.ts` of a project's `public` schema, in the shape that Supabase's generator writes:
 * `createClient<Database>(…)`.
 */
export async function renderDatabaseTypes(database: ProjectDatabase): Promise<string> {
  const catalogue = await readCatalogue(database, { schemas: ['public'], extraSearchPath: ['extensions'] })
  const { rows } = await database.asOwner<{ name: string; labels: string[] }>({ text: enumsOfPublic })
  const enums = new Map(rows.map(({ name, labels }) => [name, labels]))
  const relations = catalogue.relations('public').toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return layOut(`${header}
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: ${block(relations.filter(({ kind }) => kind === 'table').map((each) => renderTable(each, catalogue, enums)))}
    Views: ${block(relations.filter(({ kind }) => kind === 'view').map((each) => renderView(each, catalogue, enums)))}
    Functions: ${block(
      catalogue
        .functionNames('public')
        .toSorted()
        .map((name) => renderFunction(name, catalogue, enums)),
    )}
    Enums: ${block([...enums].map(([name, labels]) => `${key(name)}: ${labels.map(quote).join(' | ')}`))}
    CompositeTypes: ${block(relations.filter(({ kind }) => kind === 'type').map((each) => renderComposite(each, enums)))}
  }
}

type Tables_ = Database['public']['Tables']
export type Tables<Name extends keyof Tables_> = Tables_[Name]['Row']
export type TablesInsert<Name extends keyof Tables_> = Tables_[Name]['Insert']
export type TablesUpdate<Name extends keyof Tables_> = Tables_[Name]['Update']
export type Enums<Name extends keyof Database['public']['Enums']> = Database['public']['Enums'][Name]
`)
}

const header = '// Written by `plinth types`; what is changed here is lost.'

function renderTable(relation: Relation, catalogue: Catalogue, enums: Enums): string {
  const columns = columnsOf(relation)
  const row = columns.map((column) => `${key(column.name)}: ${jsonOf(column, enums)}`)
  const writable = (optional: (column: Column) => boolean) =>
    columns.map((column) => {
      if (column.generated) return `${key(column.name)}?: never`
      return `${key(column.name)}${optional(column) ? '?' : ''}: ${jsonOf(column, enums)}`
    })
  return `${key(relation.name)}: ${block([
    `Row: ${block(row)}`,
    `Insert: ${block(writable((column) => !column.notNull || column.default !== null))}`,
    `Update: ${block(writable(() => true))}`,
    renderRelationships(relation, catalogue),
  ])}`
}

function renderView(relation: Relation, catalogue: Catalogue, enums: Enums): string {
  const row = columnsOf(relation).map(
    (column) => `${key(column.name)}: ${jsonOf({ ...column, notNull: false }, enums)}`,
  )
  return `${key(relation.name)}: ${block([`Row: ${block(row)}`, renderRelationships(relation, catalogue)])}`
}

const renderComposite = (relation: Relation, enums: Enums): string =>
  `${key(relation.name)}: ${block(
    columnsOf(relation).map(
      (column) => `${key(column.name)}: ${jsonOf({ ...column, notNull: false }, enums)}`,
    ),
  )}`

function renderRelationships(relation: Relation, catalogue: Catalogue): string {
  const held = catalogue
    .relationshipsOf(relation)
    .filter(
      ({ holdsKey, junction, computedBy, to }) => holdsKey && !junction && !computedBy && to.kind === 'table',
    )
    .toSorted((a, b) => (`${a.constraint} ${a.to.name}` < `${b.constraint} ${b.to.name}` ? -1 : 1))
  const entries = held.map(({ constraint, pairs, cardinality, to }) =>
    block([
      `foreignKeyName: ${quote(constraint)}`,
      `columns: [${pairs.map(([column]) => quote(column)).join(', ')}]`,
      `isOneToOne: ${cardinality === 'one-to-one'}`,
      `referencedRelation: ${quote(to.name)}`,
      `referencedColumns: [${pairs.map(([, column]) => quote(column)).join(', ')}]`,
    ]),
  )
  return `Relationships: [${entries.map((entry) => `\n${entry},`).join('')}${entries.length > 0 ? '\n' : ''}]`
}

/** Functions of one name that differ in their arguments are a union. */
function renderFunction(name: string, catalogue: Catalogue, enums: Enums): string {
  const overloads = catalogue.functions('public', name).map((each) => renderOverload(each, enums))
  return `${key(name)}: ${overloads.join(' | ')}`
}

function renderOverload({ arguments: given, returned, many }: CallableFunction, enums: Enums): string {
  const names = new Set(enums.keys())
  const args = given.map(
    (each) => `${key(each.name)}${each.required ? '' : '?'}: ${typeScriptOf(each.type, names)}`,
  )
  const one = (): string => {
    if (returned.kind === 'void') return 'undefined'
    if (returned.kind === 'scalar') return typeScriptOf(returned.type, names)
    const { relation } = returned
    if (relation && relation.kind !== 'type') {
      const kind = relation.kind === 'table' ? 'Tables' : 'Views'
      return `Database['public']['${kind}'][${quote(relation.name)}]['Row']`
    }
    return block(
      [...returned.columns.values()].map((column) => `${key(column.name)}: ${jsonOf(column, enums)}`),
    )
  }
  return block([`Args: ${args.length > 0 ? block(args) : 'never'}`, `Returns: ${one()}${many ? '[]' : ''}`])
}

const columnsOf = ({ columns }: Relation): readonly Column[] =>
  [...columns.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))

const jsonOf = ({ baseType, notNull }: Column, enums: Enums): string =>
  `${typeScriptOf(baseType, new Set(enums.keys()))}${notNull ? '' : ' | null'}`

const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name))

const block = (lines: readonly string[]): string =>
  lines.length === 0 ? '{ [_ in never]: never }' : `{\n${lines.join('\n')}\n}`

/** Indents every line by the brackets that are open before it. */
function layOut(text: string): string {
  let depth = 0
  const lines = text.split('\n').map((line) => {
    const bare = line.trim()
    if (/^[}\])]/.test(bare)) depth -= 1
    const laid = bare === '' ? '' : `${'  '.repeat(depth)}${bare}`
    if (/[{[]$/.test(bare)) depth += 1
    return laid
  })
  return lines.join('\n')
}
