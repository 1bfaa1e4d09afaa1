import type { SystemDeclaration } from '@plinth/platform/system'
import { serverErrors } from './errors.ts'
import { systems } from './systems.ts'

/** The systems of these names, or all. Fails with `unknown_system`. */
export function chooseSystems(names: readonly string[]): readonly SystemDeclaration[] {
  if (names.length === 0) return systems
  return [...new Set(names)].map(findSystem)
}

export function findSystem(name: string): SystemDeclaration {
  const found = systems.find((system) => system.name === name)
  if (!found)
    throw serverErrors.unknown_system({ name, known: systems.map((system) => system.name).join(', ') })
  return found
}
