import { courses } from '@plinth/courses'
import { eyemotion } from '@plinth/eyemotion'
import { kronium } from '@plinth/kronium'
import type { SystemDeclaration } from '@plinth/platform/system'
import { rekon30 } from '@plinth/rekon30'
import { shops } from '@plinth/shops'

/** Every system that Plinth hosts. Adding one is adding its folder and a line here. */
export const systems: readonly SystemDeclaration[] = [courses, eyemotion, kronium, rekon30, shops]
