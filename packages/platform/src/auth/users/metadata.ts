import { z } from 'zod'
import type { JsonObject } from '../../kernel/index.ts'
import { authErrors } from '../errors.ts'
import type { UserRow } from './user-row.ts'

/**
 * Most bytes of JSON that an account's metadata may have. They travel in every access token, and a token of more than
 * 16 KiB is refused, here and by most proxies: its user would be locked out by their own profile.
 */
export const longestUserMetadata = 6144
export const longestAppMetadata = 2048

const deepest = 32

/** A JSON object that PostgreSQL can keep: no NUL, no half of a surrogate pair, not nested without end. */
export const metadataSchema = z
  .custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'must be an object',
  })
  .refine((value) => isStorable(value, deepest), {
    error: `must be nested at most ${deepest} deep and free of NUL characters and lone surrogates`,
  })
  .nullish()
  .transform((value) => value ?? undefined)

function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  return Array.isArray(value)
    ? value.every((item) => isStorable(item, depth - 1))
    : Object.entries(value).every(([key, item]) => isStorable(key, depth) && isStorable(item, depth - 1))
}

/** Fails with `validation_failed` when an account's metadata, as it would be stored, is too long for a token. */
export function checkMetadataSize(user: Pick<UserRow, 'raw_user_meta_data' | 'raw_app_meta_data'>): void {
  requireSize('user_metadata', user.raw_user_meta_data, longestUserMetadata)
  requireSize('app_metadata', user.raw_app_meta_data, longestAppMetadata)
}

function requireSize(name: string, value: JsonObject | null, longest: number): void {
  if (value === null || Buffer.byteLength(JSON.stringify(value)) <= longest) return
  throw authErrors.validation_failed({
    problem: `${name} may have at most ${longest} bytes of JSON, because every access token carries it`,
  })
}
