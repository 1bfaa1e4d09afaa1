import { readdir, readFile } from 'node:fs/promises'
import { create, type Font } from 'fontkit'
import type { FontCoverage } from './split-runs.ts'

/** A font of `fonts/`, with what it covers. */
export interface LoadedFont extends FontCoverage {
  /** Read once: parsing it anew for each document would take most of the time. pdfkit takes it where it takes bytes. */
  readonly source: Buffer
}

const folder = new URL('./fonts/', import.meta.url)

const load = async (): Promise<readonly LoadedFont[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ttf')).sort()
  return Promise.all(
    names.map(async (file) => {
      const font = create(await readFile(new URL(file, folder))) as Font
      return {
        name: file.slice(0, -'.ttf'.length),
        source: font as unknown as Buffer,
        has: (codePoint) => font.hasGlyphForCodePoint(codePoint),
      }
    }),
  )
}

let loaded: ReturnType<typeof load> | undefined

/** The fonts that certificates are printed with, read the first time: the order of their names is the order of preference. */
export function loadFonts(): Promise<readonly LoadedFont[]> {
  loaded ??= load()
  return loaded
}
