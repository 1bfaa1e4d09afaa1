import { paymentErrors } from '../errors.ts'

/** Fields of a provider's JSON, checked as they are read: a signature says who sent it, not that it makes sense. */
export class Fields {
  readonly #value: Readonly<Record<string, unknown>>
  readonly #path: string

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw unreadable(path, 'no object')
    this.#value = value as Record<string, unknown>
    this.#path = path
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined && this.#value[name] !== null
  }

  object(name: string): Fields {
    return new Fields(this.#value[name], `${this.#path}.${name}`)
  }

  /** Null when it is missing. */
  optional(name: string): Fields | null {
    return this.has(name) ? this.object(name) : null
  }

  list(name: string): Fields[] {
    const value = this.#value[name] ?? []
    if (!Array.isArray(value)) throw unreadable(`${this.#path}.${name}`, 'no list')
    return value.map((item, index) => new Fields(item, `${this.#path}.${name}.${index}`))
  }

  /** The value as it is. */
  raw(name: string): unknown {
    return this.#value[name]
  }

  /** A text that is not empty and at most 255 characters, as ids and codes are. */
  text(name: string): string {
    const value = this.#value[name]
    if (typeof value !== 'string' || value === '' || value.length > 255)
      throw unreadable(`${this.#path}.${name}`, 'no text of 1 to 255 characters')
    return value
  }

  textOr<Other>(name: string, other: Other): string | Other {
    return this.has(name) && this.#value[name] !== '' ? this.text(name) : other
  }

  /** An address of a page of the provider's; null for anything else. */
  link(name: string): string | null {
    const value = this.#value[name]
    const isLink = typeof value === 'string' && value.length <= 2_048 && /^https?:\/\/[!-~]+$/.test(value)
    return isLink ? value : null
  }

  /** The id of an object that may be expanded; null when there is none. */
  id(name: string): string | null {
    const value = this.#value[name]
    if (typeof value === 'object' && value !== null) return this.object(name).text('id')
    return this.textOr(name, null)
  }

  /** An amount or a time: a whole number that is not negative. */
  count(name: string): number {
    const value = this.#value[name]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw unreadable(`${this.#path}.${name}`, 'no whole number from 0')
    return value
  }

  countOr<Other>(name: string, other: Other): number | Other {
    return this.has(name) ? this.count(name) : other
  }

  flag(name: string): boolean {
    return this.#value[name] === true
  }
}

const unreadable = (path: string, problem: string) =>
  paymentErrors.payment_event_unreadable({ problem: `${path} is ${problem}` })

/** Reads an event's bytes. Fails with `payment_event_unreadable`. */
export function readJson(bytes: Uint8Array): Fields {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw paymentErrors.payment_event_unreadable({ problem: 'it is no JSON in UTF-8' })
  }
  return new Fields(value, 'event')
}
