import { restErrors } from '../errors.ts'

/** Ends an unquoted name; `-` ends one only as part of an arrow. */
const structural = new Set([...',().:!"*&'])

/** Walks over one parameter's text; every failure names the parameter and the place (PGRST100). */
export class Scanner {
  readonly text: string
  readonly #what: string
  position = 0

  constructor(text: string, what: string) {
    this.text = text
    this.#what = what
  }

  get atEnd(): boolean {
    return this.position >= this.text.length
  }

  peek(): string {
    return this.text[this.position] ?? ''
  }

  sees(token: string): boolean {
    return this.text.startsWith(token, this.position)
  }

  /** Steps over `token` when it is next. */
  take(token: string): boolean {
    if (!this.sees(token)) return false
    this.position += token.length
    return true
  }

  expect(token: string): void {
    if (!this.take(token)) throw this.failure(`"${token}"`)
  }

  /** A name: quoted with `"`, or everything up to a structural character or an arrow. */
  readName(expecting = 'field name'): string {
    if (this.peek() === '"') return this.readQuoted()
    const start = this.position
    while (!this.atEnd && !structural.has(this.peek()) && !this.sees('->')) this.position += 1
    const name = this.text.slice(start, this.position).trim()
    if (name === '') throw this.failure(expecting)
    return name
  }

  /** Text between double quotes, where a backslash takes the next character as it is. */
  readQuoted(): string {
    this.expect('"')
    let value = ''
    for (;;) {
      if (this.atEnd) throw this.failure('closing quote')
      const character = this.text[this.position++]!
      if (character === '"') return value
      value += character === '\\' ? (this.text[this.position++] ?? '') : character
    }
  }

  /**
   * A quoted value that ends at the quote before one of `ends`, so that quotes inside need no backslash: clients
   * quote values without escaping what is in them. Undefined, and nothing read, when there is no such quote.
   */
  readQuotedUntil(ends: string): string | undefined {
    const start = this.position
    this.expect('"')
    let value = ''
    while (!this.atEnd) {
      const character = this.text[this.position++]!
      if (character === '"' && (this.atEnd || ends.includes(this.peek()))) return value
      value += character === '\\' ? (this.text[this.position++] ?? '') : character
    }
    this.position = start
    return undefined
  }

  /** Everything up to one of `stops`, which is not consumed. */
  readUntil(stops: string): string {
    const start = this.position
    while (!this.atEnd && !stops.includes(this.peek())) this.position += 1
    return this.text.slice(start, this.position)
  }

  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position
    const found = pattern.exec(this.text)
    if (found) this.position = pattern.lastIndex
    return found
  }

  failure(expecting: string): Error {
    const found = this.atEnd ? 'end of input' : JSON.stringify(this.peek())
    return restErrors.PGRST100({
      problem: `failed to parse ${this.#what} (${this.text})`,
      column: this.position + 1,
      details: `unexpected ${found} expecting ${expecting}`,
    })
  }

  tooMany(what: string, limit: number): Error {
    return restErrors.PGRST100({
      problem: `failed to parse ${this.#what}`,
      column: this.position + 1,
      details: `more than ${limit} ${what}`,
    })
  }
}
