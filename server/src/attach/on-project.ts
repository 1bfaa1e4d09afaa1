import { createLog, readConfigFor, systemClock } from '@plinth/platform/kernel'
import { findSystem, systemNames } from '../serve/choose-systems.ts'
import { withoutChanges } from './status-file.ts'
import { type CommandProject, withProject } from './with-project.ts'

interface OnProjectOptions {
  /** See {@link withProject}. */
  readonly asServed?: boolean
  /** True: the command is about changes; where there are none, that is said on standard error. Default: false. */
  readonly ofChanges?: boolean
}

/** Runs a command's work on the project of that name, configured by the environment. Fails with `unknown_system`. */
export function onProject<T>(
  name: string,
  work: (project: CommandProject) => Promise<T>,
  { asServed = false, ofChanges = false }: OnProjectOptions = {},
): Promise<T> {
  const system = findSystem(name)
  const config = readConfigFor(systemNames)
  const log = createLog(config.logLevel)
  return withProject({ config, system, clock: systemClock, log, asServed }, (project) => {
    if (ofChanges && project.tail.isOff) process.stderr.write(`plinth: ${withoutChanges(name)}\n`)
    return work(project)
  })
}
