import { crc32, deflateRawSync } from 'node:zlib'

/** What a cell holds; a date is a number of days with a style that shows a time, a text is shared. */
export type CellValue = string | number | boolean | Date | null | { readonly inline: string }

/** The bytes of an archive of these files, as any program packs them. */
export function makeZip(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content)
    const packed = deflateRawSync(bytes)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(8, 4)
    fields.writeUInt32LE(crc32(bytes), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(bytes.length, 18)
    fields.writeUInt16LE(Buffer.byteLength(name), 22)
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, Buffer.from(name), packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(at, 10)
    directory.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.alloc(2), fields, rest, Buffer.from(name)]),
    )
    parts.push(local)
    at += local.length
  }
  const entries = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(directory.length, 4)
  end.writeUInt16LE(directory.length, 6)
  end.writeUInt32LE(entries.length, 8)
  end.writeUInt32LE(at, 12)
  return Buffer.concat([...parts, entries, Buffer.from('PK\u0005\u0006'), end])
}

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
const relation = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const relations = (all: readonly (readonly [id: string, type: string, target: string])[]): string =>
  `${head}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${all
    .map(([id, type, target]) => `<Relationship Id="${id}" Type="${relation}/${type}" Target="${target}"/>`)
    .join('')}</Relationships>`

/** A workbook as spreadsheets save it, with a hidden sheet before the one that counts. */
export function workbookFiles(
  rows: readonly (readonly CellValue[])[],
  { date1904 = false, sheet }: { date1904?: boolean; sheet?: string } = {},
): Record<string, string> {
  const texts: string[] = []
  const cell = (value: CellValue, reference: string): string => {
    if (value === null) return ''
    if (typeof value === 'string') return `<c r="${reference}" t="s"><v>${texts.push(value) - 1}</v></c>`
    if (typeof value === 'boolean') return `<c r="${reference}" t="b"><v>${Number(value)}</v></c>`
    if (typeof value === 'number') return `<c r="${reference}"><v>${value}</v></c>`
    if ('inline' in value)
      return `<c r="${reference}" t="inlineStr"><is><t>${escaped(value.inline)}</t></is></c>`
    const days = value.getTime() / 86_400_000 + (date1904 ? 24_107 : 25_569)
    return `<c r="${reference}" s="1"><v>${days}</v></c>`
  }
  const written = rows.map(
    (row, index) =>
      `<row r="${index + 1}">${row.map((value, column) => cell(value, `${nameOf(column)}${index + 1}`)).join('')}</row>`,
  )
  return {
    '_rels/.rels': relations([['rId1', 'officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': `${head}<workbook ${main} xmlns:r="${relation}"><workbookPr date1904="${date1904}"/><sheets>
      <sheet name="Lists" sheetId="1" state="hidden" r:id="rId1"/><sheet name="Data &amp; more" sheetId="2" r:id="rId2"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relations([
      ['rId1', 'worksheet', 'worksheets/hidden.xml'],
      ['rId2', 'worksheet', '/xl/worksheets/sheet1.xml'],
      ['rId3', 'sharedStrings', 'sharedStrings.xml'],
      ['rId4', 'styles', 'styles.xml'],
    ]),
    'xl/worksheets/hidden.xml': `${head}<worksheet ${main}><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>`,
    'xl/worksheets/sheet1.xml':
      sheet ?? `${head}<worksheet ${main}><sheetData>${written.join('\n')}</sheetData></worksheet>`,
    'xl/sharedStrings.xml': `${head}<sst ${main}>${texts
      .map(
        (text) =>
          `<si><r><t xml:space="preserve">${escaped(text)}</t></r><rPh sb="0" eb="1"><t>spoken</t></rPh></si>`,
      )
      .join('')}</sst>`,
    'xl/styles.xml': `${head}<styleSheet ${main}><numFmts count="1"><numFmt numFmtId="170" formatCode="dd/mm/yyyy\\ hh:mm"/></numFmts>
      <cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>`,
  }
}

/** The bytes of {@link workbookFiles}. */
export const makeWorkbook = (...given: Parameters<typeof workbookFiles>): Buffer =>
  makeZip(workbookFiles(...given))

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

const nameOf = (column: number): string =>
  (column >= 26 ? nameOf(Math.floor(column / 26) - 1) : '') + String.fromCharCode(65 + (column % 26))
