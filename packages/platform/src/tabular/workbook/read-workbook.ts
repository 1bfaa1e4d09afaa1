import { posix } from 'node:path'
import { isTimeFormat } from './cell-text.ts'
import type { Zip } from './open-zip.ts'
import { XmlReader } from './read-xml.ts'
import { WorkbookProblem } from './workbook-problem.ts'

/** What of a workbook is needed to read its first sheet. */
export interface Workbook {
  /** The sheet's part in the archive. */
  readonly sheet: string
  /** Texts that cells name by their number. */
  readonly texts: readonly string[]
  /** By style: whether its numbers are times. */
  readonly times: readonly boolean[]
  readonly from1904: boolean
}

/** Characters of all shared texts together. */
const mostText = 64 * 1024 * 1024

/** Finds the first sheet that is shown, and what its cells refer to (ECMA-376, part 1, 12.3). */
export async function readWorkbook(zip: Zip): Promise<Workbook> {
  const root = await readRelations(zip, '_rels/.rels', '')
  const part = root.byType.get('officeDocument') ?? 'xl/workbook.xml'
  if (!zip.has(part)) throw new WorkbookProblem('is a zip archive without a workbook in it')
  const folder = posix.dirname(part)
  const relations = await readRelations(zip, `${folder}/_rels/${posix.basename(part)}.rels`, folder)
  const sheets: string[] = []
  let from1904 = false
  await readPart(zip, part, {
    open: (name, attributes) => {
      if (name === 'workbookPr') from1904 = isTrue(attributes.get('date1904'))
      if (name === 'sheet' && !attributes.get('state')?.toLowerCase().includes('hidden'))
        sheets.push(attributes.get('id') ?? '')
    },
  })
  const sheet = relations.byId.get(sheets[0] ?? '')
  if (!sheet || !zip.has(sheet)) throw new WorkbookProblem('has no sheet')
  return {
    sheet,
    from1904,
    texts: await readTexts(zip, relations.byType.get('sharedStrings')),
    times: await readTimes(zip, relations.byType.get('styles')),
  }
}

interface Relations {
  readonly byId: ReadonlyMap<string, string>
  /** By the last word of the type, which two generations of the standard write at different addresses. */
  readonly byType: ReadonlyMap<string, string>
}

async function readRelations(zip: Zip, part: string, folder: string): Promise<Relations> {
  const [byId, byType] = [new Map<string, string>(), new Map<string, string>()]
  if (zip.has(part))
    await readPart(zip, part, {
      open: (name, attributes) => {
        const target = attributes.get('Target')
        if (name !== 'Relationship' || !target || attributes.get('TargetMode') === 'External') return
        const path = target.startsWith('/') ? target.slice(1) : posix.join(folder, target)
        byId.set(attributes.get('Id') ?? '', path)
        byType.set(attributes.get('Type')?.split('/').at(-1) ?? '', path)
      },
    })
  return { byId, byType }
}

async function readTexts(zip: Zip, part: string | undefined): Promise<readonly string[]> {
  const texts: string[] = []
  if (!part || !zip.has(part)) return texts
  const collect = collectText()
  let length = 0
  await readPart(zip, part, {
    open: (name) => {
      if (name === 'si') collect.begin()
      else collect.open(name)
    },
    text: collect.text,
    close: (name) => {
      collect.close(name)
      if (name !== 'si') return
      const text = collect.end()
      length += text.length
      if (length > mostText) throw new WorkbookProblem('holds more text than is read at once')
      texts.push(text)
    },
  })
  return texts
}

async function readTimes(zip: Zip, part: string | undefined): Promise<readonly boolean[]> {
  const codes = new Map<number, string>()
  const times: boolean[] = []
  if (!part || !zip.has(part)) return times
  let inCells = false
  await readPart(zip, part, {
    open: (name, attributes) => {
      const id = Number(attributes.get('numFmtId') ?? 0)
      if (name === 'numFmt') codes.set(id, attributes.get('formatCode') ?? '')
      if (name === 'cellXfs') inCells = true
      if (name === 'xf' && inCells) times.push(isTimeFormat(id, codes.get(id)))
    },
    close: (name) => {
      if (name === 'cellXfs') inCells = false
    },
  })
  return times
}

/** The text inside `t`, without what says how it is spoken. */
export function collectText() {
  let text = ''
  let isOpen = false
  let spoken = 0
  return {
    begin: () => {
      text = ''
    },
    open: (name: string) => {
      if (name === 'rPh') spoken += 1
      isOpen = name === 't' && spoken === 0
    },
    text: (more: string) => {
      if (isOpen) text += more
    },
    close: (name: string) => {
      if (name === 'rPh') spoken -= 1
      isOpen = false
    },
    end: () =>
      text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 16)),
      ),
  }
}

interface PartHandler {
  open?(name: string, attributes: ReadonlyMap<string, string>): void
  text?(text: string): void
  close?(name: string): void
}

/** Reads a whole part of the archive. */
async function readPart(zip: Zip, part: string, handler: PartHandler): Promise<void> {
  for await (const _ of readXmlPart(zip, part, handler));
}

/** Reads a part piece by piece; gives the turn after each. */
export async function* readXmlPart(zip: Zip, part: string, handler: PartHandler): AsyncGenerator<void> {
  const decoder = new TextDecoder('utf-8')
  const reader = new XmlReader({
    open: (name, attributes) => handler.open?.(name, attributes),
    text: (text) => handler.text?.(text),
    close: (name) => handler.close?.(name),
  })
  for await (const piece of zip.read(part)) {
    reader.write(decoder.decode(piece, { stream: true }))
    yield
  }
}

const isTrue = (value: string | undefined): boolean => value === '1' || value === 'true'
