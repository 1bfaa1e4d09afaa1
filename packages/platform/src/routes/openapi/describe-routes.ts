import { z } from 'zod'
import { type Access, describeAccess, isKeyless } from '../access/access.ts'
import type { Responses } from '../define-route.ts'
import type { HostedRoute } from '../hosted-route.ts'
import type { BodyKind } from '../request/read-body.ts'
import type { Envelope } from '../respond/envelope.ts'

type JsonSchema = Readonly<Record<string, unknown>>

export interface DescribeOptions {
  readonly title: string
  readonly summary?: string
  /** The project's address. */
  readonly url?: string
  readonly envelope: Envelope
}

const contentTypes: Readonly<Record<BodyKind, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  text: 'text/plain',
  bytes: 'application/octet-stream',
}

/** An OpenAPI 3.1 document of a project's routes and functions (spec.openapis.org/oas/v3.1.1). */
export function describeRoutes(routes: readonly HostedRoute[], options: DescribeOptions): JsonSchema {
  const schemas = new SchemaStore()
  const failure = schemas.add('Failure', options.envelope.schemas.failure)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{rest}')
    for (const method of route.methods) {
      paths[path] = {
        ...paths[path],
        [method.toLowerCase()]: describeOperation(route, method, schemas, failure),
      }
    }
  }
  const { title, summary, url } = options
  return {
    openapi: '3.1.1',
    info: { title, version: '1.0.0', ...(summary ? { description: summary } : {}) },
    ...(url ? { servers: [{ url }] } : {}),
    paths,
    components: {
      schemas: schemas.all,
      securitySchemes: {
        key: {
          type: 'apiKey',
          in: 'header',
          name: 'apikey',
          description: 'The project’s anon or service key.',
        },
        user: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The signed-in user’s token.',
        },
      },
    },
  }
}

function describeOperation(route: HostedRoute, method: string, schemas: SchemaStore, failure: JsonSchema) {
  const id = operationId(route.path, method)
  const isRead = method === 'GET'
  const queried = isRead && route.kind === 'function' ? route.body : route.query
  const parameters = [
    ...pathParameters(route, schemas, id),
    ...(queried ? schemas.parameters(queried, 'query', `${id}_query`) : []),
  ]
  const content =
    !isRead && route.body ? bodyContent(route, schemas.input(route.body, `${id}_body`)) : undefined
  return {
    operationId: id,
    summary: route.summary,
    description: `For ${describeAccess(route.access)} callers. At most ${route.limit.calls} calls in ${route.limit.seconds} s.`,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(content ? { requestBody: { required: true, content } } : {}),
    responses: {
      ...describeResponses(route, schemas, id),
      default: { description: 'A failure.', content: { 'application/json': { schema: failure } } },
    },
    security: securityOf(route.access),
  }
}

/** `POST /bookings/:id` → `post_bookings_id`; unique, because paths are. */
const operationId = (path: string, method: string): string =>
  [method.toLowerCase(), ...path.replace('*', 'rest').split(/[^A-Za-z0-9]+/)].filter(Boolean).join('_')

function pathParameters(route: HostedRoute, schemas: SchemaStore, id: string) {
  const known = new Map(
    route.params
      ? schemas.parameters(route.params, 'path', `${id}_path`).map((each) => [each.name, each])
      : [],
  )
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!)
  if (route.path.endsWith('/*')) names.push('rest')
  return names.map(
    (name) => known.get(name) ?? { name, in: 'path', required: true, schema: { type: 'string' } },
  )
}

/** Forms are taken besides JSON by default; only where a route names its kinds are all of them worth a line. */
function bodyContent({ accepts }: HostedRoute, schema: JsonSchema) {
  const kinds = accepts.includes('json') && accepts.length === 3 ? (['json'] as const) : accepts
  return Object.fromEntries(kinds.map((kind) => [contentTypes[kind], { schema }]))
}

function describeResponses({ responses, envelope, isRaw }: HostedRoute, schemas: SchemaStore, id: string) {
  if (isRaw) return { 200: { description: 'Whatever the function answers.' } }
  const described = Object.entries<Responses[number]>(responses).map(([status, declared]) => {
    if (declared === null) return [status, { description: 'No body.' }] as const
    if (typeof declared === 'string')
      return [status, { description: 'A file.', content: { [declared]: {} } }] as const
    const schema = envelope.schemas.success(schemas.output(declared, `${id}_${status}`))
    return [status, { description: 'The answer.', content: { 'application/json': { schema } } }] as const
  })
  return Object.fromEntries(described)
}

function securityOf(access: Access): readonly JsonSchema[] {
  if (isKeyless(access)) return [{}]
  return access === 'service' ? [{ key: [] }] : [{ key: [], user: [] }, { key: [] }, { user: [] }]
}

/** Keeps schemas that name themselves or others: in a document, `#` is the document and not the schema. */
class SchemaStore {
  readonly all: Record<string, JsonSchema> = {}

  input = (schema: z.ZodType, name: string): JsonSchema => this.#place(toJsonSchema(schema, 'input'), name)

  output = (schema: z.ZodType, name: string): JsonSchema => this.#place(toJsonSchema(schema, 'output'), name)

  add(name: string, schema: JsonSchema): JsonSchema {
    this.all[name] = schema
    return { $ref: `#/components/schemas/${name}` }
  }

  /** One parameter for each property of an object, or of the objects of a union. */
  parameters(schema: z.ZodType, where: 'query' | 'path', name: string) {
    const whole = toJsonSchema(schema, 'input')
    const parts = [
      whole,
      ...(['anyOf', 'oneOf', 'allOf'] as const).flatMap((key) => (whole[key] ?? []) as JsonSchema[]),
    ]
    const required = whole['required'] as readonly string[] | undefined
    const found = new Map<string, JsonSchema>()
    for (const { properties } of parts) {
      for (const [key, value] of Object.entries((properties ?? {}) as Record<string, JsonSchema>)) {
        if (!found.has(key)) found.set(key, value)
      }
    }
    return [...found].map(([key, value]) => ({
      name: key,
      in: where,
      required: where === 'path' || (required?.includes(key) ?? false),
      schema: this.#place(
        { ...value, ...(whole['$defs'] ? { $defs: whole['$defs'] } : {}) },
        `${name}_${key}`,
      ),
    }))
  }

  #place(schema: JsonSchema, name: string): JsonSchema {
    const text = JSON.stringify(schema)
    if (!text.includes('"$ref":"#')) return schema
    const own = `#/components/schemas/${name}`
    const moved = text.replace(/"\$ref":"#([^"]*)"/g, (_whole, rest: string) => `"$ref":"${own}${rest}"`)
    return this.add(name, JSON.parse(moved) as JsonSchema)
  }
}

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'date')
        Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
    },
  })
  return rest
}
