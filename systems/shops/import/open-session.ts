import type { OpenOwnerSession, OwnerSession } from '@plinth/platform/database'
import { importErrors } from './errors.ts'

/** The owner's session of an import, and the shop that it is for. */
export interface ImportSession extends OwnerSession {
  readonly shop: { readonly id: string; readonly currency: string }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Runs `work` as the only import into a shop. Fails with `import_unknown_shop`, and with `import_running` while
 * another import into the shop runs, on whatever node.
 */
export async function withSession<T>(
  openSession: OpenOwnerSession,
  shopId: string,
  work: (session: ImportSession) => Promise<T>,
): Promise<T> {
  const session = await openSession()
  try {
    const shop = await findShop(session, shopId)
    const { rows } = await session.query<{ mine: boolean }>(
      "select pg_try_advisory_lock(hashtextextended('plinth.import:' || $1, 0)) as mine",
      [shop.id],
    )
    if (!rows[0]?.mine) throw importErrors.import_running({ shop: shop.id })
    return await work({ ...session, shop })
  } finally {
    await session.close()
  }
}

async function findShop(session: OwnerSession, shopId: string) {
  if (!uuid.test(shopId)) throw importErrors.import_unknown_shop({ shop: shopId })
  const { rows } = await session.query<{ id: string; currency: string }>(
    'select id, currency from public.shops where id = $1',
    [shopId],
  )
  const shop = rows[0]
  if (!shop) throw importErrors.import_unknown_shop({ shop: shopId })
  return shop
}

/**
 * Runs `work` in a transaction that writes the lines and the stock of its orders itself, instead of the triggers. Only the
 * last transaction of an import waits for the disk, and carries all before it.
 */
export const importTransaction = <T>(
  session: ImportSession,
  reason: string,
  work: () => Promise<T>,
  { isLast = false } = {},
): Promise<T> =>
  session.transaction({ reason, settings: { 'plinth.importing': 'on' }, waitsForDisk: isLast }, work)
