import { type Context, Hono } from 'hono'
import type { StatusCode } from 'hono/utils/http-status'
import type { Caller, RequestSettings as CallerRequest, ProjectDatabase } from '../database/index.ts'
import { quoteName } from '../database/index.ts'
import { logFailure, type Surface, type SurfaceEnv } from '../http/index.ts'
import type { ErrorCatalogue, Json, Log } from '../kernel/index.ts'
import { authoriseBody } from './authorise-body.ts'
import { createCatalogueCache } from './catalogue/catalogue-cache.ts'
import type { Catalogue } from './catalogue/model.ts'
import { restErrors } from './errors.ts'
import { readReceipt } from './receipts/receipt.ts'
import { acceptedTypes } from './request/media.ts'
import { type RawRequest, type RequestSettings, readRequest, readSchema } from './request/read-request.ts'
import type { RequestHead } from './request/rest-request.ts'
import { requireScope } from './require-scope.ts'
import { allow, answerAllowed } from './respond/allowed.ts'
import { type Answer, answer, answerPlan } from './respond/answer.ts'
import { allPrivileges, describeApi, openApiType, type Privilege, privilegesSql } from './respond/openapi.ts'
import { renderError } from './respond/render-error.ts'
import { onCatalogue, quoteFunction, type Runner, runRequest, type TransactionEnd } from './run-request.ts'
import { createShapeCache } from './shape-cache.ts'
import { exactEstimateLimit } from './sql/compile.ts'
import { compileCall } from './sql/compile-call.ts'
import { compileTable } from './sql/compile-table.ts'

export interface RestOptions {
  readonly database: ProjectDatabase
  readonly log: Log
  /** Schemas that are served; the first is the default. Default `public`. PostgREST's `db-schemas`. */
  readonly schemas?: readonly string[]
  /** Schemas that are searched behind the served one. Default `extensions`. `db-extra-search-path`. */
  readonly extraSearchPath?: readonly string[]
  /** The role of callers who have not signed in: what it may not do is a 401. Default `anon`. `db-anon-role`. */
  readonly anonymousRole?: string
  /** Most rows of one answer. Default: as many as there are. `db-max-rows`. */
  readonly maxRows?: number
  /** Default `commit-allow-override`: nobody is hurt by a dry run. `db-tx-end`. */
  readonly transactionEnd?: TransactionEnd
  /** A function (`schema.name`) that runs before every request. `db-pre-request`. */
  readonly preRequest?: string
  /** Lets `select` sum and count. Default false. `db-aggregates-enabled`. */
  readonly aggregates?: boolean
  /** Lets callers ask for execution plans. Default false. `db-plan-enabled`. */
  readonly plans?: boolean
  /** What the root describes: what the caller may reach, everything, or nothing. `openapi-mode`. */
  readonly description?: 'follow-privileges' | 'ignore-privileges' | 'disabled'
  /** Refuses updates and deletes without a filter, as Supabase does. Default true. */
  readonly safeUpdate?: boolean
  /** Drops the temporary tables of functions with every request. Default false: nobody may make any. */
  readonly dropsTemporary?: boolean
  /** Largest request body in bytes. Default 10 MiB. */
  readonly maxBody?: number
  /** Uses after which a shape becomes a prepared statement; 0 for never (a pooler in transaction mode). Default 5. */
  readonly preparedAfter?: number
  /**
   * The system's errors. SQL that raises with a JSON detail whose `code` is one of them (`plinth.refuse`) is answered with
   * that code and its status, and with the detail's other facts as `details`. Default: none.
   */
  readonly errors?: ErrorCatalogue<string> | undefined
  /**
   * Does a write with an `Idempotency-Key` once and answers it alike when it comes again. Needs `readRestMigrations`.
   * Default false: the header means nothing.
   */
  readonly receipts?: boolean
  /** Milliseconds of a clock that only moves forward. */
  readonly elapsed?: () => number
}

/** The rest surface of a project, and what keeps its catalogue fresh. */
export interface RestSurface extends Surface {
  /** Reads the catalogue anew: after migrations, or on `NOTIFY pgrst, 'reload schema'`. */
  reload(): Promise<void>
}

/** PostgREST's protocol over one database. */
export function createRestSurface(options: RestOptions): RestSurface {
  const rest = new Rest(options)
  const app = new Hono<SurfaceEnv>()
  const send = (c: Context<SurfaceEnv>, { body, status, headers }: Answer) =>
    c.newResponse(body, status as StatusCode, headers)
  app.all('/rpc/:name', async (c) =>
    send(c, await rest.handle(c.req.raw, 'function', c.req.param('name'), c.var)),
  )
  app.all('/:name', async (c) =>
    send(c, await rest.handle(c.req.raw, 'relation', c.req.param('name'), c.var)),
  )
  app.all('/', async (c) => send(c, await rest.describe(c.req.raw, c.var)))
  app.all('*', (c) => send(c, rest.answerError(restErrors.PGRST125(), c.req.raw, c.var)))
  app.onError((error, c) => send(c, rest.answerError(error, c.req.raw, c.var)))
  return {
    path: '/rest/v1',
    app,
    needsKey: () => true,
    takesScopedCallers: true,
    answersOptions: true,
    renderError: (error) => {
      const { body, status, headers } = renderError(error, { anonymous: true })
      return new Response(body, { status, headers: headers as Record<string, string> })
    },
    reload: async () => {
      await rest.runner.catalogues.reload()
    },
  }
}

type Variables = SurfaceEnv['Variables']

class Rest {
  readonly runner: Runner
  readonly #schemas: readonly string[]
  readonly #searchPaths: ReadonlyMap<string, string>
  readonly #anonymousRole: string
  readonly #settings: RequestSettings
  readonly #log: Log
  readonly #description: NonNullable<RestOptions['description']>
  readonly #errors: ErrorCatalogue<string> | undefined
  readonly #receipts: boolean

  constructor(options: RestOptions) {
    const {
      database,
      log,
      schemas = ['public'],
      extraSearchPath = ['extensions'],
      maxRows,
      preparedAfter,
    } = options
    const elapsed = options.elapsed ?? (() => performance.now())
    const planning = {
      maxRows,
      aggregates: options.aggregates ?? false,
      safeUpdate: options.safeUpdate ?? true,
    }
    this.#log = log
    this.#errors = options.errors
    this.#receipts = options.receipts ?? false
    this.#schemas = schemas
    this.#searchPaths = new Map(
      schemas.map((schema) => [schema, [schema, ...extraSearchPath].map(quoteName).join(', ')]),
    )
    this.#anonymousRole = options.anonymousRole ?? 'anon'
    this.#settings = {
      schemas,
      maxRows,
      maxBody: options.maxBody ?? 10 * 1_024 * 1_024,
      plans: options.plans ?? false,
    }
    this.#description = options.description ?? 'follow-privileges'
    this.runner = {
      database,
      catalogues: createCatalogueCache({ database, log, schemas, extraSearchPath, elapsed }),
      shapes: createShapeCache({
        ...(preparedAfter === undefined ? {} : { preparedAfter }),
        compile: (request, catalogue) =>
          (request.isCall ? compileCall : compileTable)(request, catalogue, planning),
      }),
      dropsTemporary: options.dropsTemporary ?? false,
      transactionEnd: options.transactionEnd ?? 'commit-allow-override',
      preRequest: options.preRequest === undefined ? undefined : quoteFunction(options.preRequest),
      exactCounts: exactEstimateLimit(maxRows),
    }
  }

  async handle(
    request: Request,
    kind: RawRequest['kind'],
    name: string,
    variables: Variables,
  ): Promise<Answer> {
    const { caller, requestId } = variables
    try {
      const raw = toRaw(request, kind, name)
      if (request.method === 'OPTIONS') {
        const target = { isCall: kind === 'function', schema: readSchema(raw, this.#schemas), name }
        return await onCatalogue(this.runner.catalogues, async (known) => answerAllowed(known, target))
      }
      const actIn = (schema: string) => this.#actAs(caller, request, schema, requestId)
      const receipt = this.#receipts ? readReceipt(raw, caller, this.#anonymousRole) : undefined
      const admit = (head: RequestHead) => this.#admitBody(raw, head, actIn)
      const read = await readRequest(receipt?.raw ?? raw, this.#settings, admit)
      const result = await runRequest(this.runner, read, actIn(read.schema), receipt)
      if ('plan' in result) return answerPlan(result.plan, read)
      return answer(result.row, {
        request: read,
        compiled: result.compiled,
        total: result.total,
        txAllowed: this.runner.transactionEnd.endsWith('allow-override'),
        profile: this.#schemas.length > 1 ? read.schema : undefined,
      })
    } catch (error) {
      return this.answerError(error, request, variables)
    }
  }

  /** Refuses a large body before it is read when its caller may not do what it is for, or when it is too large. */
  async #admitBody(raw: RawRequest, head: RequestHead, actIn: (schema: string) => Caller): Promise<void> {
    const isChunked = raw.header('transfer-encoding') !== null
    const length = isChunked ? Number.POSITIVE_INFINITY : Number(raw.header('content-length') ?? 0)
    if (length <= smallBody) return
    const { maxBody } = this.#settings
    if (!isChunked && length > maxBody) throw restErrors.payload_too_large({ limit: maxBody })
    await authoriseBody(this.runner, actIn(head.schema), head)
  }

  /** The description of the API at the root. */
  async describe(request: Request, { caller, requestId }: Variables): Promise<Answer> {
    if (request.method === 'OPTIONS') return allow(['GET', 'HEAD'])
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw restErrors.PGRST117({ method: request.method })
    requireScope(caller, ['*:read'])
    if (this.#description === 'disabled') throw restErrors.PGRST126()
    const accept = request.headers.get('accept') ?? '*/*'
    if (!acceptedTypes(accept).some(({ type }) => describingTypes.has(type)))
      throw restErrors.PGRST107({ types: accept })
    const schema = readSchema(toRaw(request, 'relation', ''), this.#schemas)
    const catalogue: Catalogue = await this.runner.catalogues.current()
    const privileges =
      this.#description === 'ignore-privileges'
        ? allPrivileges(catalogue, schema)
        : await this.#readPrivileges(schema, this.#actAs(caller, request, schema, requestId))
    const body = request.method === 'HEAD' ? null : JSON.stringify(describeApi(catalogue, schema, privileges))
    return { status: 200, headers: { 'content-type': openApiType }, body }
  }

  async #readPrivileges(schema: string, acting: Caller): Promise<Privilege[]> {
    const statement = { text: privilegesSql, values: [schema] }
    const { rows } = await this.runner.database.asCaller<Privilege & Record<string, Json>>(
      acting,
      statement,
      {
        readOnly: true,
      },
    )
    return rows
  }

  /** The error as the caller may see it; what is this side's fault goes to the request's log as well. */
  answerError(error: unknown, request: Request, { caller, log }: Partial<Variables>): Answer {
    const role = caller?.role
    const anonymous = role === undefined || role === this.#anonymousRole
    const bodiless = request.method === 'HEAD'
    const response = renderError(error, { anonymous, bodiless, errors: this.#errors })
    logFailure(log ?? this.#log, error, response.status)
    return response
  }

  #actAs(caller: Caller, request: Request, schema: string, requestId: string | undefined): Caller {
    return {
      ...caller,
      ...(requestId === undefined ? {} : { requestId }),
      request: caller.request ?? requestSettings(request),
      searchPath: this.#searchPaths.get(schema)!,
    }
  }
}

/** Bytes of a body that is read without asking first whether its caller may send it: reading takes about 1 ms. */
const smallBody = 65_536

/** Media types that the root's description is, or may be taken for. */
const describingTypes = new Set(['*/*', 'application/*', 'application/json', 'application/openapi+json'])

function toRaw(request: Request, kind: RawRequest['kind'], name: string): RawRequest {
  const { url } = request
  const question = url.indexOf('?')
  const hash = url.indexOf('#', question)
  return {
    method: request.method,
    kind,
    name,
    search: question < 0 ? '' : url.slice(question + 1, hash < 0 ? undefined : hash),
    header: (header) => request.headers.get(header),
    readBody: async () => Buffer.from(await request.arrayBuffer()),
  }
}

/** What SQL may know of the request: `request.headers` and the like, as PostgREST sets them. */
function requestSettings(request: Request): CallerRequest {
  const headers = Object.fromEntries([...request.headers].filter(([name]) => name !== 'cookie'))
  const path = request.url.slice(request.url.indexOf('/', request.url.indexOf('//') + 2)).split('?')[0]!
  return { method: request.method, path, headers, cookies: readCookies(request.headers.get('cookie')) }
}

function readCookies(header: string | null): Record<string, string> {
  if (!header) return {}
  return Object.fromEntries(
    header.split(';').flatMap((part) => {
      const split = part.indexOf('=')
      return split < 0 ? [] : [[part.slice(0, split).trim(), part.slice(split + 1).trim()]]
    }),
  )
}
