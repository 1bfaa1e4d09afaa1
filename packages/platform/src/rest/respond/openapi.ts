import { readFileSync } from 'node:fs'
import type { CallableFunction, Catalogue, Column, Relation } from '../catalogue/model.ts'

/** One row of `privileges.sql`: what the caller may do with a relation or function. */
export interface Privilege {
  readonly kind: 'relation' | 'function'
  readonly name: string
  readonly selects: boolean
  readonly inserts: boolean
  readonly updates: boolean
  readonly deletes: boolean
}

export const privilegesSql = readFileSync(new URL('./privileges.sql', import.meta.url), 'utf8')

/** The privileges of somebody who may do everything. */
export function allPrivileges(catalogue: Catalogue, schema: string): Privilege[] {
  const all = { selects: true, inserts: true, updates: true, deletes: true }
  return [
    ...catalogue.relations(schema).map(({ name }) => ({ kind: 'relation' as const, name, ...all })),
    ...catalogue.functionNames(schema).map((name) => ({ kind: 'function' as const, name, ...all })),
  ]
}

export const openApiType = 'application/openapi+json; charset=utf-8'

/** Describes what the caller may reach of one schema, as OpenAPI 2.0 like PostgREST does. */
export function describeApi(catalogue: Catalogue, schema: string, privileges: readonly Privilege[]) {
  const of = (kind: Privilege['kind']) =>
    new Map(privileges.filter((one) => one.kind === kind && reachable(one)).map((one) => [one.name, one]))
  const tables = of('relation')
  const functions = of('function')
  const relations = catalogue.relations(schema).filter((relation) => tables.has(relation.name))
  const calls = catalogue.functionNames(schema).filter((name) => functions.has(name))
  return {
    swagger: '2.0',
    info: {
      title: `Plinth: ${schema}`,
      description: 'Tables, views and functions of this project',
      version: '1',
    },
    basePath: '/',
    consumes: ['application/json', 'text/csv'],
    produces: ['application/json', 'application/vnd.pgrst.object+json', 'text/csv'],
    paths: {
      '/': { get: { tags: ['Introspection'], summary: 'This document', responses: ok } },
      ...Object.fromEntries(
        relations.map((relation) => [
          `/${relation.name}`,
          describePath(relation, tables.get(relation.name)!),
        ]),
      ),
      ...Object.fromEntries(
        calls.map((name) => [`/rpc/${name}`, describeCall(catalogue.functions(schema, name)[0]!)]),
      ),
    },
    definitions: Object.fromEntries(
      relations.map((relation) => [relation.name, describeRelation(catalogue, relation)]),
    ),
  }
}

const reachable = (one: Privilege): boolean => one.selects || one.inserts || one.updates || one.deletes

const ok = { 200: { description: 'OK' } }

function describePath(relation: Relation, may: Privilege) {
  const tags = [relation.name]
  const rows = { 200: { description: 'OK', schema: { type: 'array', items: reference(relation) } } }
  const body = [{ name: relation.name, in: 'body', required: false, schema: reference(relation) }]
  const filters = [...relation.columns.values()].map((column) => ({
    name: column.name,
    in: 'query',
    required: false,
    type: 'string',
    ...(column.comment ? { description: column.comment } : {}),
  }))
  const reading = ['select', 'order', 'limit', 'offset'].map((name) => ({
    name,
    in: 'query',
    required: false,
    type: 'string',
  }))
  const summary = relation.comment ?? undefined
  return {
    ...(may.selects ? { get: { tags, summary, parameters: [...filters, ...reading], responses: rows } } : {}),
    ...(may.inserts && relation.insertable
      ? { post: { tags, summary, parameters: body, responses: { 201: { description: 'Created' } } } }
      : {}),
    ...(may.updates && relation.updatable
      ? {
          patch: {
            tags,
            summary,
            parameters: [...filters, ...body],
            responses: { 204: { description: 'No Content' } },
          },
        }
      : {}),
    ...(may.deletes && relation.deletable
      ? { delete: { tags, summary, parameters: filters, responses: { 204: { description: 'No Content' } } } }
      : {}),
  }
}

const reference = (relation: Relation) => ({ $ref: `#/definitions/${relation.name}` })

function describeRelation(catalogue: Catalogue, relation: Relation) {
  const columns = [...relation.columns.values()]
  return {
    type: 'object',
    ...(relation.comment ? { description: relation.comment } : {}),
    required: columns
      .filter((column) => column.notNull && column.default === null)
      .map((column) => column.name),
    properties: Object.fromEntries(
      columns.map((column) => [column.name, describeColumn(column, notesOf(catalogue, relation, column))]),
    ),
  }
}

function describeColumn(column: Column, notes: readonly string[]) {
  const description = [column.comment ?? '', notes.length > 0 ? `Note:\n${notes.join('\n')}` : '']
  const length = /^character varying\((\d+)\)$/.exec(column.type)?.[1]
  return {
    ...jsonType(column.baseType),
    format: column.type,
    ...(length === undefined ? {} : { maxLength: Number(length) }),
    ...(column.enum ? { enum: column.enum } : {}),
    ...(column.default === null ? {} : { default: column.default }),
    ...(description.some(Boolean) ? { description: description.filter(Boolean).join('\n\n') } : {}),
  }
}

/** Keys in the form that generators of clients read, as PostgREST writes it. */
function notesOf(catalogue: Catalogue, relation: Relation, { name }: Column): string[] {
  const key = catalogue
    .relationshipsOf(relation)
    .find(
      ({ holdsKey, to, pairs }) =>
        holdsKey && to.kind === 'table' && pairs.length === 1 && pairs[0]![0] === name,
    )
  return [
    ...(relation.primaryKey.includes(name) ? ['This is a Primary Key.<pk/>'] : []),
    ...(key ? [foreignKeyNote(key.to.name, key.pairs[0]![1])] : []),
  ]
}

const foreignKeyNote = (table: string, column: string): string =>
  `This is a Foreign Key to \`${table}.${column}\`.<fk table='${table}' column='${column}'/>`

function describeCall(called: CallableFunction) {
  const tags = [`(rpc) ${called.name}`]
  const summary = called.comment ?? undefined
  const properties = Object.fromEntries(
    called.arguments.map(({ name, type, baseType }) => [name, { ...jsonType(baseType), format: type }]),
  )
  const required = called.arguments.filter((argument) => argument.required).map((argument) => argument.name)
  const args = { name: 'args', in: 'body', required: true, schema: { type: 'object', required, properties } }
  return { post: { tags, summary, parameters: [args], responses: ok } }
}

const integers = new Set(['int2', 'int4', 'int8'])
const numbers = new Set(['float4', 'float8', 'numeric'])

function jsonType(baseType: string): { type?: string; items?: object } {
  if (baseType.startsWith('_')) return { type: 'array', items: jsonType(baseType.slice(1)) }
  if (integers.has(baseType)) return { type: 'integer' }
  if (numbers.has(baseType)) return { type: 'number' }
  if (baseType === 'bool') return { type: 'boolean' }
  return baseType === 'json' || baseType === 'jsonb' ? {} : { type: 'string' }
}
