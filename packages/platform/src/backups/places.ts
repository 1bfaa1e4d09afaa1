import { createNamedFolder, type NamedStore, openNamedBucket, storageErrors } from '../storage/index.ts'
import type { CapabilityProject } from '../system/index.ts'
import type { BackupSettings } from './settings.ts'

export interface BackupPlaces {
  readonly store: NamedStore
  /** Gets a second copy of each backup; null for none. */
  readonly second: NamedStore | null
}

/** Where a project's backups lie. Nothing is opened yet. Fails with `storage_settings_incomplete`. */
export function openPlaces({ settings, system, folder }: CapabilityProject<BackupSettings>): BackupPlaces {
  const bucket = () => {
    const { s3Bucket } = settings
    if (s3Bucket === undefined) throw storageErrors.storage_settings_incomplete({ missing: 's3Bucket' })
    return lazily(() =>
      openNamedBucket({
        bucket: s3Bucket,
        prefix: settings.s3Prefix === '' ? `${system.name}/` : settings.s3Prefix,
        region: settings.s3Region,
        pathStyle: settings.s3PathStyle,
        endpoint: settings.s3Endpoint,
        accessKey: settings.s3AccessKey,
        secretKey: settings.s3SecretKey,
      }),
    )
  }
  const copy = settings.copyToS3 ? bucket() : settings.copyFolder && createNamedFolder(settings.copyFolder)
  return {
    store: settings.backend === 's3' ? bucket() : createNamedFolder(settings.folder ?? folder('backups')),
    second: copy || null,
  }
}

function lazily(open: () => Promise<NamedStore>): NamedStore {
  let opening: Promise<NamedStore> | undefined
  const opened = () => {
    opening ??= open()
    return opening
  }
  return {
    put: async (name, source) => (await opened()).put(name, source),
    get: async (name) => (await opened()).get(name),
    list: async function* (prefix) {
      yield* (await opened()).list(prefix)
    },
    remove: async (name) => (await opened()).remove(name),
  }
}
