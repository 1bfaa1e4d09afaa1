import { createHash } from 'node:crypto'

/** What belongs to no tenant. */
const unowned = '=unowned'
const project = '=project'

/** The folder of a tenant's backups: its key where that can stand in a path, else a hash of it. */
function folderOf(tenant: string): string {
  if (tenant === '') return unowned
  if (tenant === '*') return project
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(tenant)) return tenant
  return `=${createHash('sha256').update(tenant).digest('hex').slice(0, 32)}`
}

/** `<folder>/backup-<folder>-20260115T120000Z-<id>.json`; its parts have the same name and a number. */
export function fileOf(tenant: string, takenAt: Date, id: string): string {
  const folder = folderOf(tenant)
  const instant = takenAt.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${folder}/backup-${folder}-${instant}-${id.slice(0, 8)}.json`
}

export const partOf = (file: string, number: number): string =>
  `${file.replace(/\.json$/, '')}.part-${String(number).padStart(4, '0')}`
