import type { ProjectDatabase } from '../database/index.ts'

/** The slot of a project: slots belong to the cluster, so it carries the database's name, in 63 characters. */
export function defaultSlot(database: ProjectDatabase): string {
  const name = decodeURIComponent(new URL(database.addresses.replication).pathname.slice(1))
  return `${name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, 58)}_tail`
}
