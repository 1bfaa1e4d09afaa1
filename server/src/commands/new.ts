import type { Command } from 'commander'
import { finishSystem, repository, writeSystem } from '../develop/write-system.ts'

export function addNewCommand(program: Command): void {
  program
    .command('new')
    .description('write a new system that runs and passes its tests')
    .command('system')
    .description('a system that runs and passes its tests: two tables, a function, a route, a job')
    .argument('<name>', 'lower-case letters and digits: clinic')
    .action(async (name: string) => {
      await writeSystem(repository, name)
      await finishSystem(repository, name)
      process.stdout.write(nextSteps(name))
    })
}

const nextSteps = (name: string): string => `systems/${name} is there, a copy of examples/notes to begin with:
  npm start -- ${name} --watch                     runs it, and starts it again when a file changes
  npx --no-install plinth reset ${name}            starts over after a migration was edited
  npm test -- systems/${name}                      runs its tests
  npx --no-install plinth types ${name}            writes database.types.ts
docs/add-a-system.md says what to change in which file.
`
