import { readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { renderDatabaseTypes } from '@plinth/platform/rest'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { systemFolder } from '../develop/system-folder.ts'
import { serverErrors } from '../errors.ts'

interface TypesOptions {
  readonly output?: string
  readonly check?: boolean
}

export function addTypesCommand(program: Command): void {
  program
    .command('types')
    .description('write a system’s database.types.ts, for supabase-js')
    .argument('<system>')
    .option('-o, --output <file>', 'write there instead; - for standard output')
    .option('--check', 'write nothing; end with 1 when the file is not current')
    .action((system: string, options: TypesOptions) => onProject(system, (project) => run(project, options)))
}

async function run(
  { system, database }: Parameters<Parameters<typeof onProject>[1]>[0],
  { output, check }: TypesOptions,
): Promise<void> {
  const text = await renderDatabaseTypes(database)
  if (output === '-') return void process.stdout.write(text)
  const file = output ?? join(systemFolder(system), 'database.types.ts')
  const shown = relative(process.cwd(), file)
  if (!check) {
    await writeFile(file, text)
    return void process.stdout.write(`wrote ${shown}\n`)
  }
  if ((await readFile(file, 'utf8').catch(() => '')) !== text)
    throw serverErrors.types_outdated({ file: shown, system: system.name })
}
