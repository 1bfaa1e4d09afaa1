import { createLog, readConfigFor, systemClock } from '@plinth/platform/kernel'
import { findSystem, systemNames } from '../serve/choose-systems.ts'
import { type CommandProject, withProject } from './with-project.ts'

/** Runs a command's work on the project of that name, configured by the environment. Fails with `unknown_system`. */
export function onProject<T>(
  name: string,
  work: (project: CommandProject) => Promise<T>,
  { asServed = false } = {},
): Promise<T> {
  const system = findSystem(name)
  const config = readConfigFor(systemNames)
  return withProject({ config, system, clock: systemClock, log: createLog(config.logLevel), asServed }, work)
}
