import { glob, readFile } from 'node:fs/promises'
import type { ErrorFactory } from '@plinth/platform/kernel'

const root = new URL('..', import.meta.url)

/** One code that a caller may meet, and where it is defined. */
export interface CataloguedError {
  readonly code: string
  readonly status: number
  readonly message: string
  readonly hint: string
  /** Folder of the catalogue, from the repository's root. */
  readonly folder: string
}

/** Every code of every catalogue in the tree: modules that call `defineErrors`. */
export async function readErrorCatalogue(): Promise<readonly CataloguedError[]> {
  const found: CataloguedError[] = []
  for (const path of await findSources()) {
    if (!(await readFile(new URL(path, root), 'utf8')).includes('= defineErrors({')) continue
    const module = (await import(new URL(path, root).href)) as Record<string, unknown>
    const folder = path.slice(0, path.lastIndexOf('/'))
    found.push(
      ...Object.values(module)
        .flatMap(entriesOf)
        .map((entry) => ({ ...entry, folder })),
    )
  }
  return found.sort((a, b) => a.folder.localeCompare(b.folder) || a.code.localeCompare(b.code))
}

/** The page that lists them, for `docs/errors.md`. */
export function renderErrorPage(errors: readonly CataloguedError[]): string {
  const folders = [...new Set(errors.map(({ folder }) => folder))]
  const sections = folders.map((folder) => {
    const rows = errors.filter((error) => error.folder === folder).map(renderRow)
    return `## ${folder}\n\n| code | status | what happened | what to do |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return `# Errors\n\nEvery code that Plinth answers with, from the catalogues in the code. Written by \`npm run docs\`; a test compares.\n\n${sections.join('\n')}`
}

const renderRow = ({ code, status, message, hint }: CataloguedError): string =>
  `| <a id="${code}"></a>\`${code}\` | ${status} | ${oneLine(message)} | ${oneLine(hint)} |`

const oneLine = (text: string): string => text.replaceAll('\n', ' ').replaceAll('|', '\\|')

function entriesOf(value: unknown) {
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value)
    .filter(
      (entry): entry is ErrorFactory =>
        typeof entry === 'function' && 'definition' in entry && 'code' in entry,
    )
    .map(({ code, definition }) => ({ code, ...definition }))
}

async function findSources(): Promise<readonly string[]> {
  const paths: string[] = []
  const inside = ['packages', 'systems', 'examples', 'server'].map((folder) => `${folder}/**/*.ts`)
  for await (const path of glob(inside, { cwd: root, exclude: (name) => name.includes('node_modules') })) {
    if (!path.endsWith('.test.ts') && !path.includes('node_modules')) paths.push(path)
  }
  return paths.sort()
}
