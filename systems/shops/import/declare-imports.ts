import type { ImportDeclaration, Progress } from '@plinth/platform/system'
import { importOrders, orderFormats } from './import-orders.ts'
import { importProducts, productFormats } from './import-products.ts'
import type { ImportProgress } from './progress.ts'

/** What `plinth import shops` offers. */
export const shopImports: readonly ImportDeclaration[] = [
  {
    name: 'orders',
    summary:
      'Orders with their lines, cancellations and the history of stock, from a retail file or a Shopify export.',
    tenantOption: 'shop',
    formats: orderFormats.map(({ name }) => name),
    run: ({ file, tenant, format, report, onProgress, ...run }) =>
      importOrders({
        ...run,
        source: file,
        shopId: tenant,
        onProgress: (progress) => onProgress(toProgress(progress)),
        ...(format === undefined ? {} : { format: format as (typeof orderFormats)[number]['name'] }),
        ...(report === undefined ? {} : { report }),
      }),
  },
  {
    name: 'products',
    summary: 'A catalogue with its counted stock, from a Shopify export.',
    tenantOption: 'shop',
    formats: productFormats.map(({ name }) => name),
    run: ({ file, tenant, report, onProgress, ...run }) =>
      importProducts({
        ...run,
        source: file,
        shopId: tenant,
        onProgress: (progress) => onProgress(toProgress(progress)),
        ...(report === undefined ? {} : { report }),
      }),
  },
]

/** Reading is measured in bytes of the file, everything else in lines. */
export function toProgress({ phase, bytesRead, bytesTotal, lines, linesTotal }: ImportProgress): Progress {
  return phase === 'reading'
    ? { phase, done: bytesRead, total: bytesTotal }
    : { phase, done: lines, total: linesTotal }
}
