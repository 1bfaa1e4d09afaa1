import { storageErrors } from '../errors.ts'

const units: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 }

/**
 * Bytes of a size as a bucket's limit says it: a number of bytes, or `20GB`, `1.5MB`, `30KB`, `3B` in powers of a
 * thousand, as on Supabase. Fails with `invalid_storage_request`.
 */
export function readFileSize(given: number | string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(GB|MB|KB|B)?$/i.exec(String(given)) ?? []
  const bytes = Math.floor(Number(amount) * units[unit.toUpperCase() || 'B']!)
  if (amount === '' || !Number.isSafeInteger(bytes) || bytes < 1)
    throw storageErrors.invalid_storage_request({
      problem: 'Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B',
    })
  return bytes
}
