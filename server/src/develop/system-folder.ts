import { dirname, resolve } from 'node:path'
import { placeOf } from '@plinth/platform/kernel'
import type { SystemDeclaration } from '@plinth/platform/system'

/** The folder of a system: that of the file that declares it. */
export function systemFolder(system: SystemDeclaration): string {
  const place = placeOf(system)
  if (!place) throw new Error(`Nobody knows where system ${system.name} is declared: use defineSystem.`)
  return resolve(dirname(place))
}
