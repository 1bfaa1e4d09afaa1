import type { AddressedProject, ProjectDirectory } from './project-directory.ts'

/** Paths that no project owns: never a project, whatever is at them. */
const unaddressed = '/-'

export const isUnaddressed = (path: string): boolean => path.startsWith(`${unaddressed}/`)

/**
 * The path by which the router finds a request's handler. The server's own pages keep theirs; everything else starts with
 * its project's name, and a last slash means nothing.
 */
export function canonicalPath(
  request: Request,
  directory: ProjectDirectory<AddressedProject>,
  rootPaths: readonly string[],
): string {
  const path = pathOf(request.url)
  if (rootPaths.some((root) => isBelow(path, root))) return path
  const key =
    request.headers.get('apikey') ??
    request.headers.get('authorization')?.replace(/^bearer\s+/i, '') ??
    undefined
  const found = directory.resolve({ host: request.headers.get('host') ?? '', path, key })
  return found ? `/${found.project.name}${found.path.replace(/\/$/, '')}` : `${unaddressed}${path}`
}

/** True for the path itself and everything below it. */
const isBelow = (path: string, base: string): boolean =>
  path.startsWith(base) && (path.length === base.length || path[base.length] === '/')

/** The path of an address as it was sent: percent-encoded, without query and fragment. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start < 0) return '/'
  const end = url.slice(start).search(/[?#]/)
  return end < 0 ? url.slice(start) : url.slice(start, start + end)
}

/** Where projects and their surfaces answer; what is there twice would answer by chance. */
export const addressesOf = (projects: readonly AddressedProject[]): readonly string[] =>
  projects.flatMap(({ name, surfaces = [] }) => [
    `/${name}`,
    ...surfaces.filter(({ path }) => path !== '').map(({ path }) => `/${name}${path}`),
  ])

/** Of `/auth/v1` and `/auth`, the first has to see a request before the second does. */
export const longestFirst = <Mounted extends { readonly path: string }>(
  surfaces: readonly Mounted[],
): readonly Mounted[] => surfaces.toSorted((a, b) => b.path.length - a.path.length)
