import { join } from 'node:path'
import { messageOf } from '../kernel/index.ts'
import type { CapabilityProject } from '../system/index.ts'
import type { ByteStore } from './bytes/byte-store.ts'
import { createDiskStore } from './bytes/disk/create-disk-store.ts'
import { createLazyStore } from './bytes/lazy-store.ts'
import { createVault } from './bytes/vault.ts'
import { storageErrors } from './errors.ts'
import { createImageCache } from './images/image-cache.ts'
import { createImageRenderer } from './images/image-renderer.ts'
import { unlimited } from './quota/byte-quota.ts'
import { createHoldQuota } from './quota/hold-quota.ts'
import { createTrafficCounter } from './serve/count-traffic.ts'
import type { StorageSettings } from './settings.ts'
import { createTokenSigner } from './signing/signed-tokens.ts'
import type { StorageContext } from './storage-context.ts'
import { purgeJob } from './upkeep/storage-jobs.ts'

/** Puts a project's storage together. Nothing is read or written yet. */
export function openStorage(project: CapabilityProject<StorageSettings>): StorageContext {
  const { database, settings, clock, log, url, deriveKey, system, jobs } = project
  const vault = createVault(chooseStore(project), deriveKey('storage/files'))
  const cache = createImageCache(join(project.folder('files'), 'images'), settings.imageCacheBytes)
  return {
    database,
    vault,
    tokens: createTokenSigner(deriveKey, clock),
    quota:
      settings.accountFunction === undefined
        ? unlimited
        : createHoldQuota(database, settings.accountFunction),
    images: createImageRenderer({ vault, cache, pixels: settings.imagePixels }),
    traffic: createTrafficCounter(database, clock, log),
    settings,
    errors: system.errors ?? {},
    url,
    purge: async (paths) => {
      if (settings.purgeUrl === undefined || paths.length === 0) return
      // What was done is done: a CDN that is not told must not make it look as if it was not.
      await jobs.add(purgeJob, { paths }).catch((error: unknown) => {
        log.error({ problem: messageOf(error), paths }, 'the CDN will not be told of changes')
      })
    },
    clock,
    log,
  }
}

function chooseStore({ settings, folder, system }: CapabilityProject<StorageSettings>): ByteStore {
  if (settings.backend === 'disk') return createDiskStore(folder('files'))
  const { s3Bucket: bucket } = settings
  if (bucket === undefined) throw storageErrors.storage_settings_incomplete({ missing: 's3Bucket' })
  return createLazyStore(async () => {
    const { createS3Store } = await import('./bytes/s3/create-s3-store.ts')
    return createS3Store({
      bucket,
      prefix: settings.s3Prefix === '' ? `${system.name}/` : settings.s3Prefix,
      region: settings.s3Region,
      pathStyle: settings.s3PathStyle,
      endpoint: settings.s3Endpoint,
      accessKey: settings.s3AccessKey,
      secretKey: settings.s3SecretKey,
    })
  })
}
