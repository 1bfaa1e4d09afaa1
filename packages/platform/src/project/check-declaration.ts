import { nextTick } from '../jobs/index.ts'
import { messageOf, placeOf } from '../kernel/index.ts'
import type { SystemDeclaration } from '../system/index.ts'
import { projectErrors } from './errors.ts'

/** Names that stand for something else at the root of a server's address. */
const reserved = ['auth', 'functions', 'health', 'plinth', 'realtime', 'rest', 'storage', 'template']

/** PostgreSQL's names have 63 bytes at most, and `authenticator_` takes 14 of them. */
const longestName = 40

/** Refuses a name that cannot be a system's. Fails with `invalid_declaration`. */
export function checkName(name: string, place = 'name'): void {
  const refuse = (problem: string) => {
    throw projectErrors.invalid_declaration({ place, problem })
  }
  if (!/^[a-z][a-z0-9]*$/.test(name) || name.length > longestName)
    refuse(`"${name}" is no name for a system: lower-case letters and digits, ${longestName} at most`)
  if (reserved.includes(name))
    refuse(`a system cannot be called ${name}: the name is taken by an address or a database of Plinth`)
}

/**
 * Refuses what cannot be meant in a system's declaration, before anything is opened. Fails with `invalid_declaration`,
 * which names the file and the line.
 */
export function checkDeclaration(system: SystemDeclaration): void {
  const refuse = (problem: string, declaration: object = system) => {
    const place = placeOf(declaration) ?? placeOf(system) ?? `system ${system.name}`
    throw projectErrors.invalid_declaration({ place, problem })
  }
  if (!/^[a-z][a-z0-9]*$/.test(system.name) || system.name.length > longestName)
    refuse(`"${system.name}" is no name for a system: lower-case letters and digits, ${longestName} at most`)
  if (reserved.includes(system.name))
    refuse(
      `a system cannot be called ${system.name}: the name is taken by an address or a database of Plinth`,
    )
  const jobs = new Set<string>()
  for (const job of system.jobs) {
    if (jobs.has(job.name)) refuse(`job ${job.name} is declared twice`, job)
    jobs.add(job.name)
    if (!job.schedule) continue
    const problem = problemOf(() => nextTick(job.schedule!, new Date(0)))
    const { line, zone = 'UTC' } = job.schedule
    if (problem) refuse(`job ${job.name} cannot run at "${line}" in ${zone}: ${problem}`, job)
  }
  const functions = new Set<string>()
  for (const { name } of system.functions) {
    if (functions.has(name)) refuse(`function ${name} is declared twice`)
    functions.add(name)
  }
}

function problemOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
