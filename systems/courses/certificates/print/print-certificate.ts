import PDFDocument from 'pdfkit'
import { encode } from 'uqr'
import type { ShownCertificate } from '../service/verify.ts'
import { loadFonts } from './fonts.ts'
import { type FontCoverage, type Run, splitRuns } from './split-runs.ts'

type Document = InstanceType<typeof PDFDocument>

/** Points of A4, landscape. */
const page = { width: 841.89, height: 595.28 }
const ink = '#1f2937'
const faint = '#6b7280'
const accent = '#1d4ed8'

/**
 * A certificate as a PDF of one page, with a QR code of its address and, as an attachment, the file that proves it. The same
 * certificate with the same status lists gives the same bytes. A name in a script that no font here has is not printed: the
 * page says where to read it.
 */
export async function printCertificate({ bundle, verification }: ShownCertificate): Promise<Buffer> {
  if (verification.state === 'invalid') throw new Error('only what was verified is printed')
  const { facts } = verification
  const fonts = await loadFonts()
  const issuedAt = new Date(facts.validFrom)
  const document = new PDFDocument({
    size: [page.width, page.height],
    margin: 0,
    pdfVersion: '1.7',
    lang: 'en',
    displayTitle: true,
    font: fonts[0]!.source as unknown as string,
    info: {
      Title: `Certificate ${facts.number}`,
      Author: facts.issuer,
      Subject: facts.course,
      Producer: 'Plinth',
      Creator: 'Plinth',
      CreationDate: issuedAt,
      ModDate: issuedAt,
    },
  })
  const done = collect(document)
  for (const { name, source } of fonts) document.registerFont(name, source)
  const pen = createPen(document, fonts)

  document
    .rect(24, 24, page.width - 48, page.height - 48)
    .lineWidth(2)
    .stroke(accent)
  document
    .rect(30, 30, page.width - 60, page.height - 60)
    .lineWidth(0.5)
    .stroke(accent)
  pen.centred(facts.issuer, 78, 16, faint)
  pen.centred('Certificate of completion', 112, 32, accent)
  pen.centred('This is to certify that', 176, 13, faint)
  const isPrinted = pen.centred(facts.holder, 204, 34, ink)
  if (!isPrinted) pen.centred('the holder named at the address below', 212, 20, ink)
  pen.centred('has completed', 268, 13, faint)
  if (!pen.centred(facts.course, 292, 24, ink))
    pen.centred('the course named at the address below', 296, 18, ink)
  pen.centred(`held on ${dayOf(facts.startsAt)}`, 336, 13, faint)
  pen.left(`Number ${facts.number}`, 70, 446, 11, ink)
  pen.left(`Issued on ${dayOf(facts.validFrom)}`, 70, 466, 11, ink)
  if (facts.validUntil !== null) pen.left(`Valid until ${dayOf(facts.validUntil)}`, 70, 486, 11, ink)
  pen.left(
    'Verify: scan the code, or give this file to the verification page, also offline.',
    70,
    516,
    9,
    faint,
  )
  pen.left(bundle.address, 70, 530, 8, faint)
  drawCode(document, bundle.address, page.width - 70 - 110, 428, 110)
  document.file(Buffer.from(JSON.stringify(bundle)), {
    name: `${facts.number}.json`,
    type: 'application/json',
    description: 'The signed credential, and the proof that it is in the issuer’s log',
    creationDate: issuedAt,
    modifiedDate: issuedAt,
  })
  document.end()
  return done
}

const dayOf = (instant: number): string => new Date(instant).toISOString().slice(0, 10)

async function collect(document: Document): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of document) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Writes lines whose characters may need several fonts; false, and nothing written, when one is in none. */
function createPen(document: Document, fonts: readonly FontCoverage[]) {
  const widthOf = (runs: readonly Run[], size: number) =>
    runs.reduce((sum, { text, font }) => sum + document.font(font).fontSize(size).widthOfString(text), 0)

  function write(runs: readonly Run[], left: number, top: number, size: number, colour: string): void {
    let x = left
    for (const { text, font } of runs) {
      document.font(font).fontSize(size).fillColor(colour)
      // Fonts differ in height; what they share is the line that letters stand on.
      document.text(text, x, top + size, { lineBreak: false, baseline: 'alphabetic' })
      x += document.widthOfString(text)
    }
  }

  /** The largest size, down to a third, at which it fits. */
  function fit(runs: readonly Run[], size: number, room: number): number {
    const width = widthOf(runs, size)
    return width <= room ? size : Math.max(size / 3, (size * room) / width)
  }

  return {
    centred: (text: string, top: number, size: number, colour: string): boolean => {
      const runs = splitRuns(text.normalize('NFC'), fonts)
      if (!runs) return false
      const fitted = fit(runs, size, page.width - 140)
      write(runs, (page.width - widthOf(runs, fitted)) / 2, top + (size - fitted) / 2, fitted, colour)
      return true
    },
    left: (text: string, left: number, top: number, size: number, colour: string): void => {
      const runs = splitRuns(text, fonts)
      if (runs) write(runs, left, top, fit(runs, size, page.width - left - 200), colour)
    },
  }
}

/** Draws a QR code as one shape, a bar for each run of dark modules. */
function drawCode(document: Document, text: string, left: number, top: number, width: number): void {
  const { size, data } = encode(text, { ecc: 'M', border: 0 })
  const side = width / size
  for (const [row, modules] of data.entries())
    for (let from = 0; from < size; from += 1) {
      let until = from
      while (modules[until]) until += 1
      if (until > from) document.rect(left + from * side, top + row * side, (until - from) * side, side)
      from = until
    }
  document.fill('#000000')
}
