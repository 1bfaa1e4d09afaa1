import { createHash } from 'node:crypto'
import { mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import type { OwnerSession } from '../database/index.ts'
import { hasCode } from '../kernel/index.ts'
import type { ExportedFile } from '../system/index.ts'
import { privacyErrors } from './errors.ts'
import type { OwnedTable } from './owned-tables.ts'

/** One file of an export, as `manifest.json` lists it. */
export interface ExportedPart {
  /** Below the export's folder. */
  readonly file: string
  /** Rows of a table; null for other files. */
  readonly rows: number | null
  readonly bytes: number
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string
}

export interface ExportManifest {
  readonly system: string
  readonly owner: string
  readonly exportedAt: string
  readonly parts: readonly ExportedPart[]
}

/** Rows that are read from the database at a time. */
const together = 1_000

/** A folder of its own for the export, for its owner only. Fails with `export_folder_not_empty`. */
export async function makeExportFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0) throw privacyErrors.export_folder_not_empty({ folder })
}

/** The owner's rows of a table as one JSON object a line; a table without any makes no file. */
export async function exportTable(
  session: OwnerSession,
  folder: string,
  table: OwnedTable,
  owner: string,
): Promise<ExportedPart | null> {
  let rows = 0
  async function* lines() {
    await session.query(
      `declare export_rows no scroll cursor for
         select pg_catalog.row_to_json(t)::text as line from ${table.sql} t where ${table.column}::text = $1`,
      [owner],
    )
    for (;;) {
      const page = await session.query<{ line: string }>(`fetch ${together} from export_rows`)
      if (page.rows.length === 0) break
      rows += page.rows.length
      yield Buffer.from(page.rows.map(({ line }) => `${line}\n`).join(''))
    }
    await session.query('close export_rows')
  }
  const written = await writeFile(folder, { path: `${table.name}.ndjson`, content: lines() })
  return written && { ...written, rows }
}

/** Writes what a hook gives; null when it is empty. Fails when its path leaves the folder. */
export async function writeFile(
  folder: string,
  { path, content }: ExportedFile,
): Promise<ExportedPart | null> {
  const target = resolve(folder, path)
  if (relative(folder, target).split(sep).includes('..'))
    throw new Error(`an export leaves its folder: ${path}`)
  const hash = createHash('sha256')
  let bytes = 0
  let file: Awaited<ReturnType<typeof open>> | undefined
  try {
    for await (const chunk of chunksOf(content)) {
      file ??= await create(target)
      await file.write(chunk)
      hash.update(chunk)
      bytes += chunk.length
    }
  } finally {
    await file?.close()
  }
  return file ? { file: path, rows: null, bytes, sha256: hash.digest('hex') } : null
}

async function create(target: string) {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  return open(target, 'wx', 0o600).catch((error: unknown) => {
    throw hasCode(error, 'EEXIST') ? new Error(`an export writes ${target} twice`) : error
  })
}

async function* chunksOf(content: ExportedFile['content']): AsyncIterable<Buffer> {
  if (typeof content === 'string' || Buffer.isBuffer(content)) yield Buffer.from(content)
  else yield* content
}

export async function writeManifest(folder: string, manifest: ExportManifest): Promise<void> {
  const file = await open(join(folder, 'manifest.json'), 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}
