import { routeErrors } from '../errors.ts'

/** What is found at a path. */
export interface Match<Route> {
  /** By method. */
  readonly routes: ReadonlyMap<string, Route>
  /** Named parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  /** What a last `/*` took, undecoded, with its slash; else the empty string. */
  readonly rest: string
}

interface Node<Route> {
  readonly fixed: Map<string, Node<Route>>
  named?: Node<Route>
  /** Of a last `/*`. */
  any?: Leaf<Route>
  leaf?: Leaf<Route>
}

interface Leaf<Route> {
  readonly names: readonly string[]
  readonly routes: Map<string, Route>
}

/** Finds routes by path: fixed parts before named ones, and `/*` last. */
export class RouteTree<Route extends { readonly name: string }> {
  readonly #root: Node<Route> = { fixed: new Map() }

  /** Fails with `invalid_route` or `duplicate_route`. */
  add(path: string, methods: readonly string[], route: Route): void {
    const names: string[] = []
    let node = this.#root
    const parts = path.slice(1).split('/')
    const takesRest = parts.at(-1) === '*'
    for (const part of takesRest ? parts.slice(0, -1) : parts) {
      if (part.startsWith(':')) names.push(part.slice(1))
      node = stepInto(node, part)
    }
    const kind = takesRest ? 'any' : 'leaf'
    const leaf = node[kind] ?? { names, routes: new Map() }
    node[kind] = leaf
    if (leaf.names.join() !== names.join() || new Set(names).size !== names.length)
      throw routeErrors.invalid_route({
        path,
        problem: 'its parts have other names than those of a route beside it',
      })
    for (const method of methods) {
      const first = leaf.routes.get(method)
      if (first) throw routeErrors.duplicate_route({ method, path, first: first.name, second: route.name })
      leaf.routes.set(method, route)
    }
  }

  /** `path` as it was sent, without its last slash. */
  find(path: string): Match<Route> | undefined {
    return this.#search(this.#root, path.slice(1).split('/'), 0, [])
  }

  #search(
    node: Node<Route>,
    parts: readonly string[],
    at: number,
    values: readonly string[],
  ): Match<Route> | undefined {
    const part = parts[at]
    if (part === undefined) {
      const leaf = node.leaf ?? node.any
      return leaf && matchOf(leaf, values, '')
    }
    const fixed = node.fixed.get(part)
    const found = fixed && this.#search(fixed, parts, at + 1, values)
    if (found) return found
    const value = node.named && decodePart(part)
    const named =
      value === undefined ? undefined : this.#search(node.named!, parts, at + 1, [...values, value])
    return named ?? (node.any && matchOf(node.any, values, `/${parts.slice(at).join('/')}`))
  }
}

function stepInto<Route>(node: Node<Route>, part: string): Node<Route> {
  if (part.startsWith(':')) {
    node.named ??= { fixed: new Map() }
    return node.named
  }
  const next = node.fixed.get(part) ?? { fixed: new Map() }
  node.fixed.set(part, next)
  return next
}

const matchOf = <Route>(
  { names, routes }: Leaf<Route>,
  values: readonly string[],
  rest: string,
): Match<Route> => ({
  routes,
  params: Object.fromEntries(names.map((name, index) => [name, values[index]!])),
  rest,
})

/** Undefined for what is no name of one thing: nothing, a broken encoding, slashes, dots that climb, control characters. */
function decodePart(part: string): string | undefined {
  if (part === '') return undefined
  try {
    const value = decodeURIComponent(part)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return /[/\\\x00-\x1f\x7f]|^\.\.?$/.test(value) ? undefined : value
  } catch {
    return undefined
  }
}
