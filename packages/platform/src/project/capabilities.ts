import { auth } from '../auth/index.ts'
import { journal } from '../journal/index.ts'
import { privacy } from '../privacy/index.ts'
import { realtime } from '../realtime/index.ts'
import { rest } from '../rest/index.ts'
import { rewind } from '../rewind/index.ts'
import { storage } from '../storage/index.ts'
import type { AnyCapability, SystemDeclaration } from '../system/index.ts'
import { webhooks } from '../webhooks/index.ts'
import { projectErrors } from './errors.ts'

/** What every project has. A system changes the settings of one by naming it in `uses`. */
const base: readonly AnyCapability[] = [
  rest(),
  auth(),
  journal(),
  rewind(),
  privacy(),
  webhooks(),
  realtime(),
  storage(),
]

/**
 * The capabilities of a system, each after those that it requires. Fails with `missing_capability` or
 * `duplicate_capability`.
 */
export function capabilitiesOf({ name: system, uses = [] }: SystemDeclaration): readonly AnyCapability[] {
  const named = new Map(base.map((capability) => [capability.name, capability]))
  const seen = new Set<string>()
  for (const capability of uses) {
    if (seen.has(capability.name)) throw projectErrors.duplicate_capability({ system, name: capability.name })
    seen.add(capability.name)
    named.set(capability.name, capability)
  }
  const ordered: AnyCapability[] = []
  const place = (capability: AnyCapability) => {
    if (ordered.includes(capability)) return
    for (const required of capability.requires ?? []) {
      const found = named.get(required)
      if (!found) throw projectErrors.missing_capability({ system, name: capability.name, required })
      place(found)
    }
    ordered.push(capability)
  }
  for (const capability of named.values()) place(capability)
  return ordered
}
