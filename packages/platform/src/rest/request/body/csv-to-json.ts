import { bounds } from '../bounds.ts'

/** Why a text is no CSV; the message is for the client. */
export class CsvProblem extends Error {}

const quote = 0x22
const comma = 0x2c
const lineFeed = 0x0a
const carriageReturn = 0x0d
const backslash = 0x5c

const hex = Buffer.from('0123456789abcdef')
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Turns CSV (RFC 4180, the first line names the columns) into a JSON array of objects, piece by piece. All values are
 * texts, and NULL without quotes is null. Empty lines are skipped. Fails with a `CsvProblem`.
 */
export class CsvToJson {
  readonly #csv: Buffer
  readonly #json: GrowingBuffer
  readonly #names: string[] = []
  /** What stands before each value: `{"name":` for the first, `,"name":` for the others. */
  #prefixes: Buffer[] = []
  #position = 0
  #state: 'start' | 'plain' | 'quoted' | 'quote in quoted' = 'start'
  #cell = 0
  /** Where the value of the open cell begins in the JSON, behind its quote. */
  #valueStart = 0
  #wasQuoted = false
  #rows = 0
  #inHeader = true

  /** `limit`: most bytes of JSON, because short cells below long names make it much longer than the CSV. */
  constructor(csv: Buffer, limit: number) {
    this.#csv = csv
    this.#json = new GrowingBuffer(Math.min(limit, csv.length * 2 + 64), limit)
    if (csv.subarray(0, 3).equals(byteOrderMark)) this.#position = 3
  }

  /** Reads on for `length` bytes; the JSON and its keys once everything is read. */
  advance(length: number): { readonly json: Buffer; readonly keys: readonly string[] } | undefined {
    const csv = this.#csv
    const until = Math.min(csv.length, this.#position + length)
    while (this.#position < until) this.#read(csv[this.#position++]!)
    return this.#position < csv.length ? undefined : this.#finish()
  }

  #read(byte: number): void {
    switch (this.#state) {
      case 'start':
        this.#readStart(byte)
        return
      case 'plain':
        this.#readPlain(byte)
        return
      case 'quoted':
        if (byte === quote) this.#state = 'quote in quoted'
        else this.#json.addEscaped(byte)
        return
      case 'quote in quoted':
        if (byte === quote) {
          this.#json.addEscaped(quote)
          this.#state = 'quoted'
        } else if (byte === comma) this.#endCell()
        else if (byte === lineFeed) this.#endLine()
        else if (byte !== carriageReturn) throw new CsvProblem('A quoted value goes on behind its last quote')
    }
  }

  #readStart(byte: number): void {
    if (this.#cell === 0 && (byte === lineFeed || byte === carriageReturn)) return
    this.#openCell()
    this.#wasQuoted = byte === quote
    this.#state = this.#wasQuoted ? 'quoted' : 'plain'
    if (!this.#wasQuoted) this.#readPlain(byte)
  }

  #readPlain(byte: number): void {
    if (byte === comma) this.#endCell()
    else if (byte === lineFeed) this.#endLine()
    else if (byte === quote) throw new CsvProblem('A quote stands inside a value without quotes')
    else if (byte !== carriageReturn || this.#csv[this.#position] !== lineFeed) this.#json.addEscaped(byte)
  }

  #openCell(): void {
    if (this.#inHeader) this.#json.clear()
    else {
      const prefix = this.#prefixes[this.#cell]
      if (!prefix) throw unequal()
      if (this.#cell === 0) this.#json.add(this.#rows === 0 ? rowsStart : rowsNext)
      this.#json.add(prefix)
    }
    this.#json.addByte(quote)
    this.#valueStart = this.#json.length
  }

  #endCell(): void {
    if (this.#inHeader) this.#endName()
    else if (!this.#wasQuoted && this.#json.endsWith(nullText, this.#valueStart)) {
      this.#json.truncate(this.#valueStart - 1)
      this.#json.add(jsonNull)
    } else this.#json.addByte(quote)
    this.#cell += 1
    this.#state = 'start'
  }

  #endName(): void {
    this.#json.addByte(quote)
    this.#names.push(JSON.parse(this.#json.bytes().toString()) as string)
    if (this.#names.length > bounds.bodyKeys)
      throw new CsvProblem(`A row has more than ${bounds.bodyKeys} keys`)
  }

  #endLine(): void {
    // Behind a last comma stands an empty value.
    if (this.#state === 'start') this.#openCell()
    this.#endCell()
    if (this.#inHeader) {
      this.#prefixes = this.#names.map((name, index) =>
        Buffer.from(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`),
      )
      this.#json.clear()
      this.#inHeader = false
    } else {
      if (this.#cell !== this.#names.length) throw unequal()
      this.#json.addByte(0x7d)
      this.#rows += 1
    }
    this.#cell = 0
  }

  #finish(): { json: Buffer; keys: readonly string[] } {
    if (this.#state === 'quoted') throw new CsvProblem('A quoted value has no end')
    if (this.#cell > 0 || this.#state !== 'start') this.#endLine()
    if (this.#rows === 0) {
      this.#json.clear()
      this.#json.addByte(0x5b)
    }
    this.#json.addByte(0x5d)
    return { json: this.#json.bytes(), keys: [...new Set(this.#names)] }
  }
}

const rowsStart = Buffer.from('[')
const rowsNext = Buffer.from(',')
const nullText = Buffer.from('NULL')
const jsonNull = Buffer.from('null')

const unequal = (): CsvProblem => new CsvProblem('All lines must have same number of fields')

/** The JSON would be larger than it may. */
export class JsonTooLarge extends Error {}

/** Bytes that are appended one after the other. */
class GrowingBuffer {
  #bytes: Buffer
  readonly #limit: number
  length = 0

  constructor(size: number, limit: number) {
    this.#bytes = Buffer.allocUnsafe(size)
    this.#limit = limit
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  truncate(length: number): void {
    this.length = length
  }

  endsWith(text: Buffer, from: number): boolean {
    return (
      this.length - from === text.length && this.#bytes.compare(text, 0, text.length, from, this.length) === 0
    )
  }

  add(bytes: Buffer): void {
    this.#reserve(bytes.length)
    bytes.copy(this.#bytes, this.length)
    this.length += bytes.length
  }

  addByte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.length++] = byte
  }

  /** A byte of a JSON string's value. */
  addEscaped(byte: number): void {
    this.#reserve(6)
    if (byte === quote || byte === backslash) this.#bytes[this.length++] = backslash
    if (byte >= 0x20) {
      this.#bytes[this.length++] = byte
      return
    }
    this.#bytes.write('\\u00', this.length, 'latin1')
    this.#bytes[this.length + 4] = hex[byte >> 4]!
    this.#bytes[this.length + 5] = hex[byte & 15]!
    this.length += 6
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.#bytes.length) return
    if (needed > this.#limit) throw new JsonTooLarge()
    const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }
}
