import { realtimeErrors } from '../errors.ts'

/** JSON of a parsed value. JSON.parse takes any depth, JSON.stringify only some thousands. Fails with `malformed_payload`. */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw realtimeErrors.malformed_payload({ problem: 'it is nested too deeply' }, cause)
  }
}
