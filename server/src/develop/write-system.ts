import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkName } from '@plinth/platform/project'
import { serverErrors } from '../errors.ts'

export const repository = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Writes `systems/<name>` as a copy of `examples/notes`, and registers it with the server. Fails with
 * `invalid_declaration` for a name that does not fit, and with `system_exists`.
 */
export async function writeSystem(root: string, name: string): Promise<void> {
  checkName(name)
  const folder = join(root, 'systems', name)
  const taken = [folder, join(root, 'examples', name)].find((path) => existsSync(path))
  if (taken) throw serverErrors.system_exists({ name, folder: taken })
  await cp(join(root, 'examples', 'notes'), folder, {
    recursive: true,
    filter: (source) => !source.endsWith('node_modules'),
  })
  try {
    await rename(folder, name)
    await register(root, name)
  } catch (error) {
    await rm(folder, { recursive: true })
    throw error
  }
}

/** Makes the new package known to npm (the lock file, the link in `node_modules`), formats it and lists its errors. */
export async function finishSystem(root: string, name: string): Promise<void> {
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  await run(root, 'npm', ['install', ...quiet])
  await formatSystem(root, name)
  await run(root, process.execPath, [join(root, 'bin', 'plinth.js'), 'run', 'scripts/write-docs.ts'])
}

/** Lines with a name of another length than the example's wrap elsewhere, and `npm test` looks at that. */
export async function formatSystem(root: string, name: string): Promise<void> {
  const biome = join(repository, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
  const files = [`systems/${name}`, 'server/src/systems.ts']
  await run(root, process.execPath, [biome, 'check', '--write', '--log-level=error', ...files])
}

async function run(cwd: string, program: string, given: readonly string[]): Promise<void> {
  const child = spawn(program, given, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw serverErrors.new_system_unfinished({ command: [program, ...given].join(' '), code })
}

/** The system's own name where the example has its own; tables and files keep theirs. */
async function rename(folder: string, name: string): Promise<void> {
  await edit(join(folder, 'package.json'), (text) => text.replace('@plinth/notes', `@plinth/${name}`))
  await edit(join(folder, 'system.ts'), (text) =>
    text
      .replace(/^\/\*\*.*\*\/\n/m, `/** ${name}: a copy of examples/notes, to begin with. */\n`)
      .replace('export const notes', `export const ${name}`)
      .replace("name: 'notes'", `name: '${name}'`)
      .replace("readMigrations('notes'", `readMigrations('${name}'`),
  )
  // Functions share one name space over all systems.
  await edit(join(folder, 'functions', 'count-words.ts'), (text) =>
    text.replace("name: 'count-words'", `name: '${name}-count-words'`),
  )
  for (const file of await readdir(join(folder, 'tests'))) {
    if (!file.endsWith('.ts')) continue
    await edit(join(folder, 'tests', file), (text) =>
      text
        .replaceAll("'count-words'", `'${name}-count-words'`)
        .replace('import { notes }', `import { ${name} }`)
        .replace('useSystem(notes)', `useSystem(${name})`)
        .replace('system: notes', `system: ${name}`)
        .replace("system: 'notes'", `system: '${name}'`)
        .replace('notes.migrations()', `${name}.migrations()`),
    )
  }
}

/** The two lines that make the server host it. */
async function register(root: string, name: string): Promise<void> {
  await edit(join(root, 'server', 'src', 'systems.ts'), (text) =>
    text
      .replace(/((?:^import .*\n)+)/m, (imports: string) =>
        [...imports.trimEnd().split('\n'), `import { ${name} } from '@plinth/${name}'`]
          .toSorted((a, b) => (packageOf(a) < packageOf(b) ? -1 : 1))
          .join('\n')
          .concat('\n'),
      )
      .replace(/= \[([^\n[\]]*)\]$/m, (_, list: string) => `= [${list}, ${name}]`),
  )
  await edit(join(root, 'server', 'package.json'), (text) => {
    const manifest = JSON.parse(text) as { dependencies: Record<string, string> }
    const dependencies = Object.entries({ ...manifest.dependencies, [`@plinth/${name}`]: '*' })
    manifest.dependencies = Object.fromEntries(dependencies.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    return `${JSON.stringify(manifest, null, 2)}\n`
  })
}

const packageOf = (line: string): string => /from '(.*)'/.exec(line)?.[1] ?? ''

async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, 'utf8')))
}
