import type { SystemDeclaration } from '@plinth/platform/system'
import { rekon30 } from '@plinth/rekon30'
import { shops } from '@plinth/shops'

/** Every system that Plinth hosts. Adding one is adding its folder and a line here. */
export const systems: readonly SystemDeclaration[] = [rekon30, shops]
