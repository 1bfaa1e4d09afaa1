import { bounds } from '../bounds.ts'

/** What a JSON text holds, as far as statements depend on it. */
export interface JsonOutline {
  readonly kind: 'object' | 'array' | 'scalar'
  /** Keys of the object, or of an array's first object, without repetition. */
  readonly keys: readonly string[]
  /** False when an array holds something that is no object. */
  readonly onlyObjects: boolean
  /** False when an array's objects have different keys. */
  readonly sameKeys: boolean
}

/** Why a text cannot be taken; the message is for the client. */
export class JsonProblem extends Error {}

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
const colon = 0x3a

const scalar = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/
/** What may stand behind a backslash (RFC 8259). */
const escapes = new Set([...'"\\/bfnrtu'].map((character) => character.charCodeAt(0)))

/**
 * Checks a JSON text (RFC 8259) and takes its outline without building values, piece by piece: a body of many megabytes
 * neither blocks the event loop nor multiplies in memory. PostgreSQL reads the same bytes.
 */
export class JsonOutliner {
  readonly #bytes: Buffer
  readonly #open: number[] = []
  #position = 0
  /** What may come next. */
  #expects: 'value' | 'first value' | 'key' | 'first key' | 'next' = 'value'
  #kind: JsonOutline['kind'] = 'scalar'
  #onlyObjects = true
  #sameKeys = true
  #keys = new OutlineKeys()

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Reads on for about `length` bytes, and to the end of the token there; the outline once everything is read. */
  advance(length: number): JsonOutline | undefined {
    const bytes = this.#bytes
    const until = this.#position + length
    for (;;) {
      this.#skipBlanks()
      if (this.#position >= bytes.length) return this.#finish()
      if (this.#position >= until) return undefined
      if (this.#expects === 'next') this.#readNext(bytes[this.#position]!)
      else if (this.#expects === 'key' || this.#expects === 'first key') this.#readKey(bytes[this.#position]!)
      else this.#readValue(bytes[this.#position]!)
    }
  }

  #finish(): JsonOutline {
    if (this.#open.length > 0 || this.#expects !== 'next') throw invalid()
    return {
      kind: this.#kind,
      keys: this.#keys.names,
      onlyObjects: this.#onlyObjects,
      sameKeys: this.#sameKeys,
    }
  }

  #skipBlanks(): void {
    const bytes = this.#bytes
    let position = this.#position
    while (position < bytes.length) {
      const byte = bytes[position]!
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
      position += 1
    }
    this.#position = position
  }

  #readValue(byte: number): void {
    const depth = this.#open.length
    if (depth === 0) this.#kind = byte === openBrace ? 'object' : byte === openBracket ? 'array' : 'scalar'
    if (byte === closeBracket && this.#expects === 'first value') {
      this.#close(openBracket)
      return
    }
    if (depth === 1 && this.#kind === 'array' && byte !== openBrace) this.#onlyObjects = false
    if (byte === openBrace || byte === openBracket) {
      this.#open.push(byte)
      if (this.#open.length > bounds.bodyDepth) throw new JsonProblem('The body nests too deeply')
      if (byte === openBrace && this.#isRow()) this.#keys.openRow()
      this.#position += 1
      this.#expects = byte === openBrace ? 'first key' : 'first value'
      return
    }
    if (byte === quote) this.#position = this.#endOfString()
    else this.#readScalar()
    this.#expects = 'next'
  }

  #readKey(byte: number): void {
    if (byte === closeBrace && this.#expects === 'first key') {
      this.#close(openBrace)
      return
    }
    if (byte !== quote) throw invalid()
    const start = this.#position
    this.#position = this.#endOfString()
    if (this.#isRow()) this.#keys.add(this.#bytes.subarray(start, this.#position))
    this.#skipBlanks()
    if (this.#bytes[this.#position] !== colon) throw invalid()
    this.#position += 1
    this.#expects = 'value'
  }

  #readNext(byte: number): void {
    const inside = this.#open.at(-1)
    if (byte === comma && inside !== undefined) {
      this.#position += 1
      this.#expects = inside === openBrace ? 'key' : 'value'
    } else if (byte === closeBrace) this.#close(openBrace)
    else if (byte === closeBracket) this.#close(openBracket)
    else throw invalid()
  }

  #close(opened: number): void {
    if (this.#open.at(-1) !== opened) throw invalid()
    if (opened === openBrace && this.#isRow() && !this.#keys.closeRow()) this.#sameKeys = false
    this.#open.pop()
    this.#position += 1
    this.#expects = 'next'
  }

  /** Whether the innermost object is the body itself or a member of the body's array. */
  #isRow(): boolean {
    return this.#open.length === (this.#kind === 'array' ? 2 : 1)
  }

  /** The position behind the string that opens here. */
  #endOfString(): number {
    const bytes = this.#bytes
    for (let position = this.#position + 1; position < bytes.length; position += 1) {
      const byte = bytes[position]!
      if (byte === quote) return position + 1
      if (byte < 0x20) throw invalid()
      if (byte !== backslash) continue
      position += 1
      if (!escapes.has(bytes[position]!)) throw invalid()
      if (bytes[position] === 0x75) {
        if (!/^[\da-f]{4}$/i.test(bytes.toString('latin1', position + 1, position + 5))) throw invalid()
        position += 4
      }
    }
    throw invalid()
  }

  #readScalar(): void {
    const bytes = this.#bytes
    let end = this.#position
    while (end < bytes.length && isScalarByte(bytes[end]!)) end += 1
    if (!scalar.test(bytes.toString('latin1', this.#position, end))) throw invalid()
    this.#position = end
  }
}

/** Digits, letters, `+`, `-` and `.`. */
const isScalarByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x2d ||
  byte === 0x2e ||
  byte === 0x2b ||
  byte === 0x45

/** Keys of the first row, and whether each later row has exactly the same ones, in whatever order. */
class OutlineKeys {
  readonly names: string[] = []
  /** As written; a later row mostly has them in the same order. */
  readonly #written: Buffer[] = []
  readonly #indexes = new Map<string, number>()
  /** Row in which each key was last seen. */
  readonly #seenIn: number[] = []
  #row = 0
  #inRow = 0
  #position = 0
  #other = false

  openRow(): void {
    this.#row += 1
    this.#inRow = 0
    this.#position = 0
    this.#other = false
  }

  /** `quoted` is the key with its quotes. */
  add(quoted: Buffer): void {
    const expected = this.#written[this.#position]
    const index = expected?.equals(quoted)
      ? this.#position
      : this.#find(JSON.parse(quoted.toString()) as string, quoted)
    this.#position = index + 1
    if (index < 0) this.#other = true
    else if (this.#seenIn[index] !== this.#row) {
      this.#seenIn[index] = this.#row
      this.#inRow += 1
    }
  }

  /** False when the row's keys are not those of the first one. */
  closeRow(): boolean {
    return !this.#other && this.#inRow === this.names.length
  }

  #find(name: string, quoted: Buffer): number {
    const known = this.#indexes.get(name)
    if (known !== undefined) return known
    if (this.#row > 1) return -1
    if (this.names.length >= bounds.bodyKeys)
      throw new JsonProblem(`A row has more than ${bounds.bodyKeys} keys`)
    this.#indexes.set(name, this.names.length)
    this.#written.push(quoted)
    return this.names.push(name) - 1
  }
}

const invalid = (): JsonProblem => new JsonProblem('Empty or invalid json')
