/** Imports one file in a process of its own, so that its memory is its own, and prints the result with the peak. */
import { openOwnerSession } from '@plinth/platform/database'
import { newSecret } from '@plinth/platform/kernel'
import { importOrders } from '@plinth/shops/import'

const [ownerDirect, shopId, source] = process.argv.slice(2) as [string, string, string]
const addresses = { ownerDirect, actorSecret: newSecret() }
const result = await importOrders({
  openSession: () => openOwnerSession({ addresses, via: 'import' }),
  shopId,
  zone: 'Europe/London',
  source,
})
// On Linux the kernel keeps the highest resident size, in kilobytes.
const peak = process.resourceUsage().maxRSS / 1000
process.stdout.write(JSON.stringify({ result, seconds: result.seconds, peak }))
