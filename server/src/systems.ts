import type { SystemDeclaration } from '@plinth/platform/system'
import { shops } from '@plinth/shops'

/** Every system that Plinth hosts. Adding one is adding its folder and a line here. */
export const systems: readonly SystemDeclaration[] = [shops]
