import type { SystemDeclaration } from '@plinth/platform/system'
import { serverErrors } from '../errors.ts'
import { systems } from '../systems.ts'

export const systemNames: readonly string[] = systems.map(({ name }) => name)

/** The systems of these names, or all. Fails with `unknown_system`. */
export function chooseSystems(names: readonly string[]): readonly SystemDeclaration[] {
  if (names.length === 0) return systems
  return [...new Set(names)].map(findSystem)
}

export function findSystem(name: string): SystemDeclaration {
  const found = systems.find((system) => system.name === name)
  if (!found) throw serverErrors.unknown_system({ name, known: systemNames.join(', ') })
  return found
}
