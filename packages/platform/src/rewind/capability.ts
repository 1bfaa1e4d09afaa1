import { z } from 'zod'
import { type Actor, actorOf } from '../database/index.ts'
import { journalOffer } from '../journal/index.ts'
import { messageOf } from '../kernel/index.ts'
import { type CapabilityProject, defineCapability, offerKey } from '../system/index.ts'
import { settleAnywhere, type Tail } from '../tail/index.ts'
import { type AppliedRewind, type ApplyRewindOptions, applyRewind } from './apply-rewind.ts'
import { rewindErrors } from './errors.ts'
import { findRewind } from './find-rewind.ts'
import type { RewindOptions, RewindPreview } from './open-rewind.ts'
import { previewRewind } from './preview-rewind.ts'
import type { RewindTarget } from './rewind-point.ts'

export interface TenantRewind {
  /** As the system declares tenants; empty for what belongs to the project as a whole. */
  readonly tenant: string
  readonly to: RewindTarget
  /** Only these of the journalled tables. Default: all. */
  readonly tables?: readonly string[] | undefined
  /** Default: the project's tail, wherever it runs. */
  readonly tail?: Pick<Tail, 'settle'>
}

export interface TenantUndo {
  readonly tenant: string
  /** The id of the rewind that is undone, with what was changed after it. */
  readonly id: string
  readonly tail?: Pick<Tail, 'settle'>
}

export type RewindConsent = Pick<ApplyRewindOptions, 'leaveMoved' | 'removeTenant'>

/** Takes tenants back to a point, with everything that the system and its capabilities do on such an occasion. */
export interface RewindOffer {
  preview(rewind: TenantRewind): Promise<RewindPreview>
  /** Applies the tenant hooks of every capability and of the system, whoever calls. */
  apply(rewind: TenantRewind & RewindConsent & { readonly actor: Actor }): Promise<AppliedRewind>
  /** The point that takes a rewind back. Fails with `rewind_unknown`. */
  findUndo(undo: TenantUndo): Promise<number>
  /** Takes a rewind back. Fails with `rewind_unknown`, and as {@link RewindOffer.apply}. */
  undo(undo: TenantUndo & { readonly actor: Actor }): Promise<AppliedRewind>
}

/** What handlers find as `ctx.rewinds`: the same, in the caller's name. Who may is the handler's to ask. */
export interface CallerRewinds {
  preview(rewind: Omit<TenantRewind, 'tail'>): Promise<RewindPreview>
  apply(rewind: Omit<TenantRewind, 'tail'> & RewindConsent): Promise<AppliedRewind>
  undo(undo: Omit<TenantUndo, 'tail'>): Promise<AppliedRewind>
}

export const rewindOffer = offerKey<RewindOffer>('rewind')

/**
 * One tenant taken back to any second, without touching its neighbours. Every project has it; a system names it in `uses`
 * for `ctx.rewinds` in its handlers.
 */
export const rewind = () =>
  defineCapability({
    name: 'rewind',
    requires: ['journal'],
    settings: z.object({}),
    open: (project) => {
      const offer = createRewindOffer(project)
      return {
        offer,
        context: ({ db }): { rewinds: CallerRewinds } => ({
          rewinds: {
            preview: offer.preview,
            apply: (wanted) => offer.apply({ ...wanted, actor: actorOf(db.caller) }),
            undo: (wanted) => offer.undo({ ...wanted, actor: actorOf(db.caller) }),
          },
        }),
      }
    },
  })

function createRewindOffer(project: CapabilityProject): RewindOffer {
  const { database, log, system } = project
  const here = settleAnywhere(project.tail, database)
  const optionsOf = ({ tenant, to, tables, tail = here }: TenantRewind): RewindOptions => ({
    database,
    tail,
    key: project.offer(journalOffer).key,
    tenants: system.tenant,
    tenant,
    to,
    tables,
    keeps: project.hooks().tenant.flatMap((hook) => hook.rewindKeeps?.(tenant) ?? []),
  })

  const apply: RewindOffer['apply'] = async ({
    actor,
    leaveMoved = false,
    removeTenant = false,
    ...wanted
  }) => {
    const { tenant } = wanted
    const hooks = project.hooks().tenant
    for (const hook of hooks) await hook.beforeRewind?.(tenant)
    const to = wanted.tables ? null : wanted.to
    const afterwards = hooks.flatMap((hook) => hook.afterRewind?.(tenant, to) ?? [])
    const applied = await applyRewind({ ...optionsOf(wanted), actor, afterwards, leaveMoved, removeTenant })
    for (const hook of hooks) {
      await hook.rewound?.(tenant).catch((error: unknown) => {
        log.error({ tenant, problem: messageOf(error) }, 'a hook failed after a rewind')
      })
    }
    return applied
  }

  const findUndo: RewindOffer['findUndo'] = async ({ tenant, id, tail = here }) => {
    await tail.settle()
    const found = await findRewind(database, tenant, id)
    if (!found) throw rewindErrors.rewind_unknown({ tenant, id })
    return found.undoneBy
  }

  return {
    preview: (wanted) => previewRewind(optionsOf(wanted)),
    apply,
    findUndo,
    undo: async ({ actor, ...undo }) => {
      const { tenant, id, tail = here } = undo
      const reason = `undo of rewind ${id}`
      const to = await findUndo(undo)
      // What the rewind brought back goes again, the tenant itself included.
      return apply({ tenant, to, actor: { ...actor, reason }, tail, removeTenant: true })
    },
  }
}
