import type { Context } from 'hono'
import { z } from 'zod'
import type { Caller } from '../../database/index.ts'
import type { SurfaceEnv } from '../../http/index.ts'
import type { JsonObject } from '../../kernel/index.ts'
import { storageErrors } from '../errors.ts'

export type StorageCall = Context<SurfaceEnv>

/** The JSON of a request, checked. Fails with `invalid_storage_request`. */
export async function readInput<Schema extends z.ZodType>(
  c: StorageCall,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await c.req.text()
  return checkInput(text.trim() === '' ? {} : parseJson(text), schema)
}

export function checkInput<Schema extends z.ZodType>(input: unknown, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw storageErrors.invalid_storage_request({ problem: z.prettifyError(result.error) })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw storageErrors.invalid_storage_request({ problem: 'The body is no JSON.' }, cause)
  }
}

/** A JSON object that goes along with a file: 16 KiB at most. Fails with `invalid_storage_request`. */
export function readUserMetadata(text: string | undefined): JsonObject | null {
  if (text === undefined || text === '') return null
  const parsed = text.length <= longestMetadata ? parseJson(text) : undefined
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw storageErrors.invalid_storage_request({
      problem: 'The metadata is no JSON object of at most 16 KiB.',
    })
  return parsed as JsonObject
}

const longestMetadata = 16_384

/** What follows `prefix` in the path, still percent-encoded. */
export const pathAfter = (c: StorageCall, prefix: string): string => c.var.path.slice(prefix.length)

/** Who asks, with what policies may know of the request. */
export function callerOf(c: StorageCall): Caller {
  const { caller } = c.var
  const headers = Object.fromEntries([...c.req.raw.headers].filter(([name]) => name !== 'cookie'))
  return { ...caller, request: { method: c.req.method, path: c.var.path, headers, cookies: {} } }
}

export const answerJson = (c: StorageCall, json: string): Response =>
  c.newResponse(json, 200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
