import { sql } from '@plinth/platform/database'
import { listBits, type StatusPurpose, signStatusList } from '../credential/status-list.ts'
import { type CertificateContext, statusAddress } from './context.ts'

/** Signed status lists, made anew when something changed, and every hour. */
export interface StatusLists {
  /** Both lists of a number: revocations, and what was replaced. */
  of(list: number): Promise<readonly [revocation: string, refresh: string]>
}

interface Kept {
  readonly change: string
  readonly at: number
  readonly lists: readonly [string, string]
}

const renewMilliseconds = 3_600_000
/** Lists that are kept: the latest ones are asked for most. */
const mostKept = 16

export function createStatusLists(context: CertificateContext): StatusLists {
  const { database, issuer, clock, settings } = context
  const kept = new Map<number, Kept>()

  /** Names the last revocation or new version, in one look at an index. */
  async function lastChange(): Promise<string> {
    const { rows } = await database.asOwner<{ last: string }>(sql`
      select coalesce(max(leaf), -1)::text as last from private.certificate_statements where issuer = ${issuer.did} and (kind = 'revoked' or version > 1)`)
    return rows[0]!.last
  }

  async function sign(list: number, at: Date): Promise<readonly [string, string]> {
    const from = list * listBits
    const { rows } = await database.asOwner<{ leaf: string; replaced: boolean }>(
      sql`select leaf, replaced from private.certificate_changes(${issuer.did}, ${from}, ${from + listBits})`,
    )
    const until = new Date(at.getTime() + settings.statusHours * 3_600_000)
    const make = (purpose: StatusPurpose, leaves: readonly { readonly leaf: string }[]) =>
      signStatusList(issuer, {
        ...{ address: statusAddress(context), list, purpose, at, until },
        set: leaves.map(({ leaf }) => Number(leaf) - from),
      })
    return [
      make('revocation', rows),
      make(
        'refresh',
        rows.filter(({ replaced }) => replaced),
      ),
    ]
  }

  return {
    of: async (list) => {
      const [change, at] = [await lastChange(), clock.now()]
      const found = kept.get(list)
      const age = at.getTime() - (found?.at ?? 0)
      if (
        found?.change === change &&
        age >= 0 &&
        age < Math.min(renewMilliseconds, settings.statusHours * 1_800_000)
      )
        return found.lists
      const lists = await sign(list, at)
      kept.delete(list)
      kept.set(list, { change, at: at.getTime(), lists })
      if (kept.size > mostKept) kept.delete(kept.keys().next().value!)
      return lists
    },
  }
}
