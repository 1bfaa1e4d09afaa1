import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const places = new WeakMap<object, string>()

/** Remembers in which file and line of a system something is declared; called by the functions that declare. */
export function rememberPlace<T extends object>(declaration: T): T {
  const place = findPlace(new Error().stack ?? '')
  if (place) places.set(declaration, place)
  return declaration
}

/** `systems/shops/system.ts:9`, from the folder that the process runs in; undefined when it is not known. */
export const placeOf = (declaration: object): string | undefined => places.get(declaration)

/** A file as a person names it: from the folder that the process runs in. */
export const shownPath = (file: URL | string): string =>
  relative(process.cwd(), String(file).startsWith('file:') ? fileURLToPath(file) : String(file))

/** The first caller outside the platform's own code. */
function findPlace(stack: string): string | undefined {
  const frames = stack.split('\n').flatMap((line) => readFrame(line) ?? [])
  const caller = frames.find(
    ({ file }) => !file.includes('/packages/platform/src/') || file.endsWith('.test.ts'),
  )
  return caller && `${shownPath(caller.file)}:${caller.line}`
}

/** `    at name (file:///path/to/file.ts:12:3)`, with or without the name and the scheme. */
function readFrame(text: string): { readonly file: string; readonly line: string } | undefined {
  const place = text.slice(Math.max(text.lastIndexOf('('), text.lastIndexOf(' ')) + 1).replace(')', '')
  const [line, file] = [place.split(':').at(-2), place.split(':').slice(0, -2).join(':')]
  return line && /^(file:\/\/)?\//.test(file) ? { file, line } : undefined
}
