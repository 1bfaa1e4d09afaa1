import { previewCascade } from './cascade-rows.ts'
import { countChanges } from './gather-rows.ts'
import { judgeRows, type RewindOptions, type RewindPreview, shownMoves, withRewind } from './open-rewind.ts'

/**
 * What {@link applyRewind} would do now; changes nothing and holds on to nothing. Fails as {@link findRewindPoint} does, and
 * with `rewind_unknown_tenant`, `rewind_unknown_table`, `rewind_table_gone`, `rewind_table_younger` or
 * `rewind_schema_changed`.
 */
export const previewRewind = (options: RewindOptions): Promise<RewindPreview> =>
  withRewind(
    options,
    async () => undefined,
    async (rewind) => {
      const { client, point, stretch } = rewind
      const { journalled, tables, counts, moved, kept, removesTenant } = await judgeRows(rewind)
      const lost = await previewCascade(client, tables, {
        tenant: options.tenant,
        tenantColumn: options.tenants?.column ?? null,
        journalled: new Set(journalled.map(({ relation }) => relation)),
      })
      return {
        tenant: options.tenant,
        sequence: point.sequence,
        undone: await countChanges(client, stretch),
        tables: counts,
        lost,
        moved: moved.slice(0, shownMoves),
        kept,
        removesTenant,
      }
    },
  )
