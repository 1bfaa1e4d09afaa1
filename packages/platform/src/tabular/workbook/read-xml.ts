import { WorkbookProblem } from './workbook-problem.ts'

/** Called as a document is read; names are without their prefix. */
export interface XmlHandler {
  open(name: string, attributes: ReadonlyMap<string, string>): void
  text(text: string): void
  close(name: string): void
}

/** Characters of one tag or text that are kept; a document that has longer ones is none of a spreadsheet's. */
const longest = 1_000_000

/**
 * Reads XML 1.0 in pieces, as far as spreadsheets write it: elements, attributes, text, CDATA, the five named entities and
 * characters by number. A document type is refused: entities of one's own could unfold to anything. Each character is
 * looked at once.
 */
export class XmlReader {
  readonly #handler: XmlHandler
  #rest = ''

  constructor(handler: XmlHandler) {
    this.#handler = handler
  }

  /** Takes the next piece. Fails with {@link WorkbookProblem}. */
  write(piece: string): void {
    const text = this.#rest + piece
    let at = 0
    for (;;) {
      const next = this.#take(text, at)
      if (next === undefined) break
      at = next
    }
    this.#rest = text.slice(at)
    if (this.#rest.length > longest) throw new WorkbookProblem('has text without an end')
  }

  /** Where the next part begins; undefined when this one is not whole yet. */
  #take(text: string, at: number): number | undefined {
    if (at >= text.length) return undefined
    if (text[at] !== '<') {
      const end = text.indexOf('<', at)
      if (end < 0) return undefined
      this.#handler.text(decode(text.slice(at, end)))
      return end
    }
    if (text.startsWith('<!--', at)) return after(text, '-->', at + 4)
    if (text.startsWith('<![CDATA[', at)) {
      const end = text.indexOf(']]>', at)
      if (end < 0) return undefined
      this.#handler.text(text.slice(at + 9, end))
      return end + 3
    }
    // These begin alike, and which one it is may stand in the next piece.
    if ('<![CDATA['.startsWith(text.slice(at)) || '<!--'.startsWith(text.slice(at))) return undefined
    if (text.startsWith('<!', at)) throw new WorkbookProblem('declares a document type')
    if (text.startsWith('<?', at)) return after(text, '?>', at + 2)
    const end = tagEnd(text, at + 1)
    if (end === undefined) return undefined
    this.#tag(text.slice(at + 1, end))
    return end + 1
  }

  #tag(tag: string): void {
    if (tag.startsWith('/')) {
      this.#handler.close(localName(tag.slice(1).trim()))
      return
    }
    const isEmpty = tag.endsWith('/')
    const content = isEmpty ? tag.slice(0, -1) : tag
    const [name = ''] = content.split(/\s/, 1)
    this.#handler.open(localName(name), readAttributes(content.slice(name.length)))
    if (isEmpty) this.#handler.close(localName(name))
  }
}

const after = (text: string, end: string, from: number): number | undefined => {
  const at = text.indexOf(end, from)
  return at < 0 ? undefined : at + end.length
}

/** The `>` that ends a tag: not one inside quotes. */
function tagEnd(text: string, from: number): number | undefined {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]!
    if (character === '>') return at
    if (character !== '"' && character !== "'") continue
    at = text.indexOf(character, at + 1)
    if (at < 0) return undefined
  }
  return undefined
}

function readAttributes(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  let at = 0
  for (;;) {
    const equals = text.indexOf('=', at)
    if (equals < 0) return attributes
    const name = text.slice(at, equals).trim()
    const opening = text.slice(equals + 1).search(/["']/)
    if (opening < 0) return attributes
    const start = equals + 1 + opening
    const end = text.indexOf(text[start]!, start + 1)
    if (end < 0) return attributes
    attributes.set(localName(name), decode(text.slice(start + 1, end)))
    at = end + 1
  }
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function decode(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return named[name] ?? whole
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
