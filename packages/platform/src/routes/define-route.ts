import type { z } from 'zod'
import type { Access } from './access/access.ts'
import type { BodyKind } from './request/read-body.ts'
import type { Envelope } from './respond/envelope.ts'
import type { Reply } from './respond/reply.ts'
import type { RouteContext } from './route-context.ts'

export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof methods)[number]

/** How often a route may be called. */
export interface RouteLimit {
  readonly calls: number
  readonly seconds: number
  /**
   * Whose calls are counted together. `caller`: one user or, without a user, one address (of IPv6 its first 64 bits).
   * `address`: one address, whoever is signed in. `everyone`: all callers of the project. Default `caller`.
   */
  readonly per?: 'caller' | 'address' | 'everyone'
}

/** What a route's answers hold, by status: a schema for JSON, a media type for bytes and text, null for no body. */
export type Responses = { readonly [status: number]: z.ZodType | string | null }

type JsonOf<R extends Responses> = {
  [Status in keyof R]: R[Status] extends z.ZodType ? z.input<R[Status]> : never
}[keyof R]

/**
 * What a handler gives: data for the first declared status below 300 that has a schema, or undefined for one that has no
 * body; `reply(status, data)` for another status; or a Response, which goes out as it is (`sendFile`, `redirect`).
 */
export type Result<R extends Responses> =
  | JsonOf<R>
  | Reply
  | Response
  | (null extends R[number] ? undefined : never)

interface Shared {
  /** One sentence for the API reference. */
  readonly summary: string
  readonly access: Access
  /** Default 600 calls in 60 s by each caller. */
  readonly limit?: RouteLimit
  /** Largest body in bytes. Default 1 MiB. */
  readonly bodyLimit?: number
  /** Milliseconds until the answer begins. Default 60,000. */
  readonly timeLimit?: number
}

/** Of everything whose body and answer the platform reads and writes. */
export interface Parsed extends Shared {
  /** Kinds of bodies that are read. Default json, form and multipart. */
  readonly accepts?: readonly BodyKind[]
  /**
   * Most values (fields, list entries) in a JSON body. Default 3,000: the whole process waits while a schema refuses them,
   * about 40 ms for as many.
   */
  readonly valueLimit?: number
  /** Shape of the answer. Default: the system's. */
  readonly envelope?: Envelope
}

export interface RouteInput<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly params: z.output<Params>
  readonly query: z.output<Query>
  readonly body: z.output<Body>
}

export interface RouteDefinition<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  R extends Responses = Responses,
  Extra extends object = object,
> extends Parsed {
  readonly method: Method | readonly Method[]
  /**
   * Below the project's address: `/bookings/:id`; a last `/*` takes whatever follows. It also answers below
   * `/functions/v1`, where `supabase.functions.invoke` finds it.
   */
  readonly path: string
  /** Of the path's named parts. */
  readonly params?: Params
  /** Of the query string: text, or a list of texts where a name is repeated. Names that it does not have are ignored. */
  readonly query?: Query
  /** Left out: the body is not parsed. */
  readonly body?: Body
  readonly responses: R
  handle(context: RouteContext<Extra>, input: RouteInput<Params, Query, Body>): Promise<Result<R>> | Result<R>
}

/** Any route, whatever its types. */
export interface AnyRoute extends Omit<RouteDefinition, 'handle'> {
  handle(context: never, input: never): unknown
}

export interface FunctionDefinition<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
  Extra extends object = object,
  Query extends z.ZodType = z.ZodType,
> extends Parsed {
  /** Answers at `/functions/v1/<name>`; unique across systems, kebab-case. */
  readonly name: string
  /** Default POST. */
  readonly methods?: readonly Method[]
  /** True: also answers below its name; the handler reads `context.subPath`. Default false. */
  readonly subPaths?: boolean
  /** Of the body; of a GET, of the query string. A webhook's is not parsed: see `rawBody`. */
  readonly input: Input
  /** Of the query string of a request with a body. */
  readonly query?: Query
  readonly output: Output
  handle(
    context: RouteContext<Extra>,
    input: z.output<Input>,
    query: z.output<Query>,
  ): Promise<z.input<Output> | Reply | Response>
}

/** A function as Supabase's are: a Request in, a Response out, both as they are. It answers below its name, too. */
export interface RawFunctionDefinition<Extra extends object = object> extends Shared {
  readonly name: string
  /** Default: all. */
  readonly methods?: readonly Method[]
  respond(request: Request, context: RouteContext<Extra>): Promise<Response> | Response
}

export type AnyFunction = FunctionDefinition | RawFunctionDefinition

/** What declares the routes and functions of one system, whose handlers find `Extra` in their context. */
export interface Definers<Extra extends object> {
  /** Declares a route; the types of its handler follow from its schemas. */
  defineRoute<
    Params extends z.ZodType = z.ZodType<Readonly<Record<string, string>>>,
    Query extends z.ZodType = z.ZodUndefined,
    Body extends z.ZodType = z.ZodUndefined,
    R extends Responses = Responses,
  >(
    definition: RouteDefinition<Params, Query, Body, R, Extra>,
  ): RouteDefinition<NoInfer<Params>, NoInfer<Query>, NoInfer<Body>, R, Extra>
  /** Declares a function; input and output types follow from its schemas. */
  defineFunction<Input extends z.ZodType, Output extends z.ZodType, Query extends z.ZodType = z.ZodUndefined>(
    definition: FunctionDefinition<Input, Output, Extra, Query>,
  ): FunctionDefinition<Input, Output, Extra, NoInfer<Query>>
  defineFunction(definition: RawFunctionDefinition<Extra>): RawFunctionDefinition<Extra>
}

export const definersFor = <Extra extends object>(): Definers<Extra> => ({
  defineRoute: (definition) => definition,
  defineFunction: (definition: never) => definition,
})

export const { defineRoute, defineFunction } = definersFor<object>()
