import { z } from 'zod'
import type { Actor, Statement } from '../database/index.ts'
import { journalOffer } from '../journal/index.ts'
import { messageOf } from '../kernel/index.ts'
import { type CapabilityProject, defineCapability, offerKey } from '../system/index.ts'
import type { Tail } from '../tail/index.ts'
import { type AppliedRewind, applyRewind } from './apply-rewind.ts'
import { previewRewind, type RewindPreview } from './preview-rewind.ts'
import type { RewindTarget } from './rewind-point.ts'

export interface TenantRewind {
  /** As the system declares tenants; empty for what belongs to the project as a whole. */
  readonly tenant: string
  readonly to: RewindTarget
  /** Default: the project's tail; a command beside a running server settles elsewhere. */
  readonly tail?: Pick<Tail, 'settle'>
}

/** Takes tenants back to a point, with everything that the system and its capabilities do on such an occasion. */
export interface RewindOffer {
  preview(rewind: TenantRewind): Promise<RewindPreview>
  /** Applies the tenant hooks of every capability and of the system, whoever calls. */
  apply(rewind: TenantRewind & { readonly actor: Actor }): Promise<AppliedRewind>
}

export const rewindOffer = offerKey<RewindOffer>('rewind')

/** One tenant taken back to any second, without touching its neighbours. */
export const rewind = () =>
  defineCapability({
    name: 'rewind',
    requires: ['journal'],
    settings: z.object({}),
    open: (project) => ({ offer: createRewindOffer(project) }),
  })

function createRewindOffer(project: CapabilityProject): RewindOffer {
  const { database, clock, log } = project
  const optionsOf = ({ tenant, to, tail = project.tail }: TenantRewind) => ({
    database,
    tail,
    key: project.offer(journalOffer).key,
    clock,
    tenant,
    to,
  })
  return {
    preview: (wanted) => previewRewind(optionsOf(wanted)),
    apply: async ({ actor, ...wanted }) => {
      const { tenant } = wanted
      const hooks = project.hooks().tenant
      for (const hook of hooks) await hook.beforeRewind?.(tenant)
      const afterwards = hooks.flatMap((hook): Statement[] => {
        const statement = hook.afterRewind?.(tenant)
        return statement ? [statement] : []
      })
      const applied = await applyRewind({ ...optionsOf(wanted), actor, afterwards })
      for (const hook of hooks) {
        await hook.rewound?.(tenant).catch((error: unknown) => {
          log.error({ tenant, problem: messageOf(error) }, 'a hook failed after a rewind')
        })
      }
      return applied
    },
  }
}
