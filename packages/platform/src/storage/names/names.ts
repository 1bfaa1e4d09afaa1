import { storageErrors } from '../errors.ts'

/** Most bytes of an object's name: S3's limit for keys. */
const longestName = 1_024

/** Letters, digits and what S3 calls safe or harmless; Supabase takes the same. */
const character = String.raw`\p{L}\p{M}\p{N}_!\-.*'() &$@=;:+,?`
const part = new RegExp(`^[${character}]+$`, 'u')

/**
 * The name of an object that may be made: parts between slashes, none of them empty, `.` or `..`, so that it stays below
 * any folder that it is written to. Fails with `invalid_object_name`.
 */
export function requireObjectName(name: string): string {
  const isFine =
    Buffer.byteLength(name) <= longestName &&
    name.split('/').every((each) => part.test(each) && each !== '.' && each !== '..')
  if (!isFine) throw storageErrors.invalid_object_name({ name: shown(name) })
  return name
}

/** The name of a bucket that may be made. Fails with `invalid_bucket_name`. */
export function requireBucketName(name: unknown): string {
  const isFine =
    typeof name === 'string' &&
    name.length <= 100 &&
    part.test(name) &&
    name.trim() === name &&
    name !== '.' &&
    name !== '..'
  if (!isFine) throw storageErrors.invalid_bucket_name()
  return name
}

/** A bucket and an object's name as a path says them. Fails with `invalid_object_name`. */
export function readObjectPath(encoded: string): { readonly bucket: string; readonly name: string } {
  const path = decodePath(encoded)
  const slash = path.indexOf('/')
  if (slash <= 0 || slash === path.length - 1) throw storageErrors.invalid_object_name({ name: shown(path) })
  return { bucket: path.slice(0, slash), name: path.slice(slash + 1) }
}

/** Fails with `invalid_object_name` for what is no percent-encoded UTF-8. */
export function decodePath(encoded: string): string {
  try {
    const path = decodeURIComponent(encoded)
    if (path.includes('\0')) throw new Error('a NUL')
    return path
  } catch (cause) {
    throw storageErrors.invalid_object_name({ name: shown(encoded) }, cause)
  }
}

const shown = (name: string): string => (name.length > 200 ? `${name.slice(0, 200)}…` : name)
