import type { ProjectDatabase } from '../../database/index.ts'
import type { Log } from '../../kernel/index.ts'
import type { Catalogue } from './model.ts'
import { type Exposure, readCatalogue, readFingerprint } from './read-catalogue.ts'

/** The catalogue that requests are planned against, kept in step with DDL. */
export interface CatalogueCache {
  /** The catalogue; read from the database when there is none yet. */
  current(): Promise<Catalogue>
  /** The catalogue if it is there, without waiting. */
  readonly loaded: Catalogue | undefined
  /**
   * Looks whether DDL has happened and reloads if so. True when the catalogue is another one now than `known`.
   * Asked when a request names what the catalogue does not have; requests that ask at once share one look.
   */
  changedSince(known: Catalogue): Promise<boolean>
  /** Starts a look in the background when the last one is old. */
  lookWhenDue(): void
  reload(): Promise<Catalogue>
}

/** How long DDL can stay unseen under traffic that never misses a name. */
const dueMilliseconds = 5_000

export interface CatalogueCacheOptions extends Exposure {
  readonly database: ProjectDatabase
  readonly log: Log
  /** Milliseconds of a clock that only moves forward. */
  readonly elapsed: () => number
}

export function createCatalogueCache({
  database,
  log,
  elapsed,
  ...exposure
}: CatalogueCacheOptions): CatalogueCache {
  let loaded: Catalogue | undefined
  let loading: Promise<Catalogue> | undefined
  let looking: Promise<void> | undefined
  let lookedAt = 0

  const reload = (): Promise<Catalogue> => {
    loading ??= readCatalogue(database, exposure)
      .then((catalogue) => {
        loaded = catalogue
        lookedAt = elapsed()
        return catalogue
      })
      .finally(() => {
        loading = undefined
      })
    return loading
  }

  const look = (): Promise<void> => {
    looking ??= readFingerprint(database)
      .then(async (fingerprint) => {
        lookedAt = elapsed()
        if (fingerprint !== loaded?.fingerprint) await reload()
      })
      .finally(() => {
        looking = undefined
      })
    return looking
  }

  return {
    get loaded() {
      return loaded
    },
    current: async () => loaded ?? reload(),
    reload,
    changedSince: async (known) => {
      if (loaded === known) await look()
      return loaded !== known
    },
    lookWhenDue: () => {
      if (loading || looking || elapsed() - lookedAt < dueMilliseconds) return
      look().catch((error: unknown) => log.warn({ err: error }, 'catalogue could not be checked'))
    },
  }
}
