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
  for (const [, file, line] of stack.matchAll(/((?:file:\/\/)?\/[^\s()]+?):(\d+):\d+/g)) {
    if (/\/packages\/platform\/src\//.test(file!) && !file!.endsWith('.test.ts')) continue
    return `${shownPath(file!)}:${line}`
  }
  return undefined
}
