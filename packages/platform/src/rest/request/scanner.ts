import { restErrors } from '../errors.ts'
import { bounds } from './bounds.ts'

/** Ends an unquoted name; `-` ends one only as part of an arrow. */
const structural = new Set([...',().:!"*&'])

/**
 * Walks over one parameter's text; every failure names the parameter and the place (PGRST100). A text that would be
 * walked over more than {@link bounds.scannerPasses} times is refused: reading takes time linear in the length.
 */
export class Scanner {
  readonly text: string
  readonly #what: string
  readonly #mostSteps: number
  #steps = 0
  /** Values opened by a quote from here on are known to have no end. */
  #unclosedFrom = Number.POSITIVE_INFINITY
  position = 0

  constructor(text: string, what: string) {
    this.text = text
    this.#what = what
    this.#mostSteps = (text.length + 1) * bounds.scannerPasses
  }

  /** Counts characters walked over. */
  #walk(characters: number): void {
    this.#steps += characters
    if (this.#steps > this.#mostSteps) throw this.tooMany('passes over the text', bounds.scannerPasses)
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
    this.#walk(this.position - start)
    const name = this.text.slice(start, this.position).trim()
    if (name === '') throw this.failure(expecting)
    return name
  }

  /** Text between double quotes, where a backslash takes the next character as it is. */
  readQuoted(): string {
    this.expect('"')
    const start = this.position
    let value = ''
    for (;;) {
      if (this.atEnd) throw this.failure('closing quote')
      const character = this.text[this.position++]!
      if (character === '"') {
        this.#walk(this.position - start)
        return value
      }
      value += character === '\\' ? (this.text[this.position++] ?? '') : character
    }
  }

  /**
   * A quoted value that ends at the quote before one of `ends`, so that quotes inside need no backslash: clients
   * quote values without escaping what is in them. Undefined, and nothing read, when there is no such quote.
   * Once there was none, later ones are not looked for: `"a,"a,"a…` would be read to its end for each of its quotes.
   */
  readQuotedUntil(ends: string): string | undefined {
    const start = this.position
    if (start >= this.#unclosedFrom) return undefined
    this.expect('"')
    let value = ''
    while (!this.atEnd) {
      const character = this.text[this.position++]!
      if (character === '"' && (this.atEnd || ends.includes(this.peek()))) {
        this.#walk(this.position - start)
        return value
      }
      value += character === '\\' ? (this.text[this.position++] ?? '') : character
    }
    this.#walk(this.position - start)
    this.position = start
    this.#unclosedFrom = start
    return undefined
  }

  /** Everything up to one of `stops`, which is not consumed. */
  readUntil(stops: string): string {
    const start = this.position
    while (!this.atEnd && !stops.includes(this.peek())) this.position += 1
    this.#walk(this.position - start)
    return this.text.slice(start, this.position)
  }

  /** Steps over what `pattern` (sticky, one way to match each text) finds here. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position
    const found = pattern.exec(this.text)
    if (found) {
      this.#walk(found[0].length)
      this.position = pattern.lastIndex
    }
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
