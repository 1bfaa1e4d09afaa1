import { decodeJwt } from 'jose'

/** What addressing needs to know of a project. */
export interface AddressedProject {
  readonly name: string
  /** Names of its functions, unique across projects. */
  readonly functionNames: ReadonlySet<string>
  /** Where its surfaces answer below its address; a path that no other project has names it, too. */
  readonly surfaces?: readonly { readonly path: string }[]
}

/** The parts of a request that say whose it is. */
export interface RequestAddress {
  /** Host name with or without a port. */
  readonly host: string
  readonly path: string
  /** API key or bearer token as sent; read for its `ref` only, not trusted. */
  readonly key: string | undefined
}

export interface ResolvedAddress<Project> {
  readonly project: Project
  /** The path below the project's address, starting with `/`. */
  readonly path: string
}

const functionPath = /^\/functions\/v1\/([^/]+)/

/**
 * Finds the project that a request is for (DESIGN.md, decision 2), in this order: the path's first segment
 * (`/shops/…`); the host's first label (`shops.example.com`); when a single project runs, that one; the key's `ref`; and
 * for a function or a route its name, where only one project has it.
 */
export function createProjectDirectory<Project extends AddressedProject>(projects: readonly Project[]) {
  const byName = new Map(projects.map((project) => [project.name, project]))
  const byFunction = ownersOf(projects, ({ functionNames }) => [...functionNames])
  const byFirstSegment = ownersOf(projects, ({ surfaces = [] }) => [
    ...new Set(surfaces.map(({ path }) => segmentOf(path))),
  ])
  const onlyOne = projects.length === 1 ? projects[0] : undefined
  return {
    projects,
    resolve({ host, path, key }: RequestAddress): ResolvedAddress<Project> | undefined {
      const slash = path.indexOf('/', 1)
      const prefixed = byName.get(slash < 0 ? path.slice(1) : path.slice(1, slash))
      if (prefixed) return { project: prefixed, path: slash < 0 ? '/' : path.slice(slash) }
      const project =
        byHost(host) ??
        onlyOne ??
        byKey(key) ??
        byFunction.get(functionPath.exec(path)?.[1] ?? '') ??
        byFirstSegment.get(segmentOf(path))
      return project && { project, path }
    },
  }

  function byHost(host: string): Project | undefined {
    const dot = host.indexOf('.')
    return dot < 0 ? undefined : byName.get(host.slice(0, dot).toLowerCase())
  }

  function byKey(key: string | undefined): Project | undefined {
    if (!key) return undefined
    try {
      const { ref } = decodeJwt(key)
      return typeof ref === 'string' ? byName.get(ref) : undefined
    } catch {
      return undefined
    }
  }
}

const segmentOf = (path: string): string => path.split('/', 2)[1] ?? ''

/** By name the one project that has it; what several have names none of them. */
function ownersOf<Project>(
  projects: readonly Project[],
  namesOf: (project: Project) => readonly string[],
): ReadonlyMap<string, Project | undefined> {
  const owners = new Map<string, Project | undefined>()
  for (const project of projects) {
    for (const name of namesOf(project)) owners.set(name, owners.has(name) ? undefined : project)
  }
  return owners
}

export type ProjectDirectory<Project extends AddressedProject> = ReturnType<
  typeof createProjectDirectory<Project>
>
