import { z } from 'zod'
import { journalOffer } from '../journal/index.ts'
import { type AccessRequest, type AnyRoute, dataEnvelope, defineRoute } from '../routes/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { type Audit, type AuditQuery, auditOfProject } from './audit-of-project.ts'
import { auditErrors } from './errors.ts'

/** A project's audit trail, for commands and other capabilities. */
export const auditOffer = offerKey<Audit>('audit')

export interface AuditDeclaration {
  /**
   * Whether a signed-in user may read the trail of a tenant; undefined: of all. Default: nobody; the service may always, and
   * an API key with `audit:read` that of its tenant.
   */
  readonly mayRead?: (request: AccessRequest, tenant: string | undefined) => Promise<boolean> | boolean
}

/** The journal in words: who did what to which thing, for those who may know. */
export const audit = ({ mayRead = () => false }: AuditDeclaration = {}) =>
  defineCapability({
    name: 'audit',
    requires: ['auth', 'journal'],
    settings: z.object({}),
    open: ({ database, offer }) => {
      const own = auditOfProject(database, offer(journalOffer))
      return { context: () => ({ audit: own }), offer: own, routes: [auditRoute(own, mayRead)] }
    },
  })

const query = z.object({
  tenant: z.string().optional(),
  who: z.string().min(1).max(200).optional(),
  table: z.string().min(1).max(200).optional(),
  operation: z.enum(['insert', 'update', 'delete']).optional(),
  text: z.string().min(1).max(200).optional(),
  since: z.coerce.date().optional(),
  until: z.coerce.date().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
})

const entry = z.object({
  at: z.string(),
  who: z.string(),
  sentence: z.string(),
  operation: z.enum(['insert', 'update', 'delete']),
  table: z.string(),
  key: z.array(z.string()),
  tenant: z.string(),
  requestId: z.string().nullable(),
  changes: z.array(z.object({ column: z.string(), from: z.string().nullable(), to: z.string().nullable() })),
})

const auditRoute = (own: Audit, mayRead: NonNullable<AuditDeclaration['mayRead']>): AnyRoute =>
  defineRoute({
    method: 'GET',
    path: '/audit/v1',
    summary: 'Who did what to which thing, the latest first.',
    access: { anyOf: ['user', { permission: 'audit:read' }] },
    limit: { calls: 30, seconds: 60 },
    envelope: dataEnvelope,
    query,
    responses: { 200: z.object({ entries: z.array(entry), next: z.string().nullable() }) },
    handle: async (context, { query: { tenant: asked, ...given } }) => {
      const tenant = await tenantFor({ ...context, header: () => undefined }, asked, mayRead)
      const wanted = Object.fromEntries(
        Object.entries({ ...given, tenant }).filter(([, value]) => value !== undefined),
      ) as AuditQuery
      const { entries, next } = await own.search(wanted)
      return {
        entries: entries.map((each) => ({ ...each, key: [...each.key], changes: [...each.changes] })),
        next,
      }
    },
  })

/** The tenant whose trail the caller may read; undefined for all. Fails with `audit_not_yours`. */
async function tenantFor(
  request: AccessRequest,
  asked: string | undefined,
  mayRead: NonNullable<AuditDeclaration['mayRead']>,
): Promise<string | undefined> {
  const { caller } = request
  if (caller.permissions) {
    const { tenant } = (caller.claims.key ?? {}) as { readonly tenant?: string | null }
    // A user's key is for what the user may read, which nobody asks here.
    const isOwn = tenant ? asked === undefined || asked === tenant : caller.claims.sub === undefined
    if (!isOwn) throw auditErrors.audit_not_yours()
    return tenant ?? asked
  }
  if (caller.role === 'service_role' || (await mayRead(request, asked))) return asked
  throw auditErrors.audit_not_yours()
}
