import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Statement } from '../database/index.ts'
import type { Catalogue } from './catalogue/model.ts'
import type { RestRequest } from './request/rest-request.ts'
import type { CompiledStatement } from './sql/compile.ts'
import { type Binding, type RequestValues, valuesOf } from './sql/statement-text.ts'

/** A compiled statement and how often its shape was asked for. */
interface Shape {
  readonly compiled: CompiledStatement
  uses: number
  /** Name of the prepared statement, once the shape has earned one. */
  name: string | undefined
}

/** Compiles a request, or finds the statement of its shape. */
export interface ShapeCache {
  find(request: RestRequest, catalogue: Catalogue, role: string): FoundStatement
  readonly size: number
}

export interface FoundStatement {
  readonly compiled: CompiledStatement
  readonly statement: Statement
  readonly estimate: Statement | undefined
}

export interface ShapeCacheOptions {
  /** Most shapes that are kept. */
  readonly shapes?: number
  /**
   * Most names of prepared statements that are ever given out: each lives on in every connection that used it. Half of
   * them to one role at most, so that strangers who ask for ever new shapes leave some for those who signed in.
   */
  readonly names?: number
  /** Uses after which a shape is prepared; 0 never. */
  readonly preparedAfter?: number
  compile(request: RestRequest, catalogue: Catalogue): CompiledStatement
}

/** Of all kept shapes and their statements together: long ones, which nobody repeats, push each other out. */
const mostCharacters = 16_000_000

export function createShapeCache(options: ShapeCacheOptions): ShapeCache {
  const { shapes = 1_000, names = 200, preparedAfter = 5, compile } = options
  const known = new LRUCache<string, Shape>({
    max: shapes,
    maxSize: mostCharacters,
    sizeCalculation: ({ compiled }, key) => key.length + compiled.text.length,
  })
  const named = new Map<string, Set<string>>()
  let of: Catalogue | undefined
  return {
    get size() {
      return known.size
    },
    find: (request, catalogue, role) => {
      if (catalogue !== of) {
        known.clear()
        of = catalogue
      }
      const key = shapeOf(request, role)
      let shape = known.get(key)
      if (!shape) {
        shape = { compiled: compile(request, catalogue), uses: 0, name: undefined }
        known.set(key, shape)
      }
      shape.uses += 1
      if (shape.uses === preparedAfter) shape.name = nameOf(shape.compiled.text, role, named, names)
      return toFound(shape, request)
    },
  }
}

function toFound({ compiled, name }: Shape, request: RestRequest): FoundStatement {
  const values: RequestValues = {
    slots: request.query.slots.values,
    limit: request.window.limit,
    offset: request.window.offset,
    body: bodyOf(request),
    maxAffected: request.preferences['max-affected'],
  }
  const text = (source: { text: string; bindings: readonly Binding[] }) => ({
    text: source.text,
    values: valuesOf(source.bindings, values),
  })
  const statement = text(compiled)
  return {
    compiled,
    statement: name === undefined ? statement : { ...statement, name },
    estimate: compiled.estimate && text(compiled.estimate),
  }
}

function bodyOf({ rows, call }: RestRequest): unknown {
  if (rows) return rows.json
  if (!call || call.kind === 'texts') return null
  return call.kind === 'json' ? call.json : call.value
}

/** Everything that the statement's text depends on, and nothing else. */
function shapeOf(request: RestRequest, role: string): string {
  const { method, isCall, schema, name, preferences, format, window, rows, call, query } = request
  return [
    role,
    isCall ? 'call' : 'table',
    method,
    schema,
    name,
    format.kind === 'raw' ? format.accepted!.join() : format.kind,
    format.stripNulls ? 'stripped' : '',
    preferences.return ?? '',
    preferences.resolution ?? '',
    preferences.missing ?? '',
    preferences.count ?? '',
    preferences.handling ?? '',
    preferences['max-affected'] === undefined ? '' : 'most',
    window.limit === undefined ? '' : 'limit',
    window.offset > 0 ? 'offset' : '',
    rows
      ? `${rows.isArray ? 'many' : 'one'}\0${query.columns === undefined ? namesShape(rows.keys) : ''}`
      : '',
    call ? callShape(call) : '',
    query.slots.shape,
  ].join('\0')
}

function callShape(call: NonNullable<RestRequest['call']>): string {
  if (call.kind === 'raw') return `raw\0${call.type}`
  if (call.kind === 'json') return `json\0${call.isObject}\0${namesShape(call.keys)}`
  return `texts\0${namesShape(call.texts.map(({ name }) => name))}`
}

/** Names from a body may hold NUL, so their number is part of it: then no two lists are written alike. */
const namesShape = (names: readonly string[]): string => `${names.length}\0${names.join('\0')}`

/**
 * A plan that row security wrote depends on the role, so each role prepares its own and none waits for a replan.
 * The same text has the same name always: a connection refuses two texts of one name.
 */
function nameOf(
  text: string,
  role: string,
  named: Map<string, Set<string>>,
  most: number,
): string | undefined {
  const name = `plinth_${createHash('sha1').update(`${role}\0${text}`).digest('base64url')}`
  const own = named.get(role) ?? new Set<string>()
  if (own.has(name)) return name
  const given = [...named.values()].reduce((sum, names) => sum + names.size, 0)
  if (given >= most || own.size >= most / 2) return undefined
  named.set(role, own.add(name))
  return name
}
