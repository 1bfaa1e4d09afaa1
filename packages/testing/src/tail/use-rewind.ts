import type { Actor } from '@plinth/platform/database'
import {
  type AppliedRewind,
  type ApplyRewindOptions,
  applyRewind,
  previewRewind,
  type RewindOptions,
  type RewindPreview,
  type RewindTarget,
} from '@plinth/platform/rewind'
import type { TestTail } from './use-tail.ts'

export interface TestRewind {
  rewind(tenant: string, to: RewindTarget, options?: Partial<ApplyRewindOptions>): Promise<AppliedRewind>
  preview(tenant: string, to: RewindTarget, options?: Partial<RewindOptions>): Promise<RewindPreview>
  /** Number of the tenant's last change, everything committed so far included; 0 for none. */
  head(tenant: string): Promise<number>
}

const operator: Actor = { user: 'operator', role: 'service_role', requestId: null, via: null, reason: null }

/** Rewinds on the database of a test's tail. */
export function useRewind(test: TestTail): TestRewind {
  const optionsFor = (tenant: string, to: RewindTarget) => ({
    database: test.database,
    tail: test.tail,
    key: test.key,
    tenants: test.tenants,
    tenant,
    to,
  })
  return {
    rewind: (tenant, to, options = {}) =>
      applyRewind({ ...optionsFor(tenant, to), actor: operator, ...options }),
    preview: (tenant, to, options = {}) => previewRewind({ ...optionsFor(tenant, to), ...options }),
    head: async (tenant) => {
      await test.tail.settle()
      const [row] = await test.run(
        'select sequence::int as sequence from plinth_journal.heads where tenant = $1',
        tenant,
      )
      return (row?.sequence as number | undefined) ?? 0
    },
  }
}
