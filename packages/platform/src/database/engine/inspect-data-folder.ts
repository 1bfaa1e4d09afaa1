import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { engineErrors } from './errors.ts'
import { lockFile } from './lock-data-folder.ts'

/** Where the cluster is inside a data folder. */
export const clusterFolder = (folder: string) => join(folder, 'postgres')

const ours = ['postgres', 'secrets', lockFile]
/** Bytes; the same in every version (PG_CONTROL_FILE_SIZE). */
const controlFileSize = 8192
const notOurBusiness = ['lost+found', '.DS_Store']

/**
 * Looks, without changing anything, whether a cluster is in `folder` or can be made there.
 * Fails with `data_folder_foreign`, `data_folder_version` or `data_folder_corrupt`.
 */
export async function inspectDataFolder(folder: string, majorVersion: number): Promise<'empty' | 'cluster'> {
  const entries = await list(folder)
  if (entries.length > 0 && !entries.some((name) => ours.includes(name))) {
    throw engineErrors.data_folder_foreign({ folder })
  }
  const cluster = clusterFolder(folder)
  if ((await list(cluster)).length === 0) return 'empty'
  await inspectCluster(cluster, majorVersion)
  return 'cluster'
}

async function inspectCluster(cluster: string, wanted: number): Promise<void> {
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(absent)
  if (version === undefined) throw engineErrors.data_folder_foreign({ folder: cluster })
  const found = version.trim()
  const corrupt = (reason: string) => engineErrors.data_folder_corrupt({ folder: cluster, reason })
  if (!/^\d+$/.test(found)) throw corrupt('PG_VERSION holds no version')
  if (found !== String(wanted)) throw engineErrors.data_folder_version({ folder: cluster, found, wanted })
  const control = await stat(join(cluster, 'global', 'pg_control')).catch(absent)
  if (!control) throw corrupt('global/pg_control is missing')
  if (control.size < controlFileSize) throw corrupt('global/pg_control was cut off')
}

async function list(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(absent)) ?? []
  return names.filter((name) => !notOurBusiness.includes(name))
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
