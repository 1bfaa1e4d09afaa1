import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { hasCode, type Json, messageOf, seal, unseal } from '../kernel/index.ts'
import { settingErrors } from './errors.ts'

/** A secret as it stands in a file: base64 of what {@link seal} made. */
const sealed = z.strictObject({ sealed: z.base64() })

/** Settings that a person has set, by dotted name. Secrets are sealed under the project's key. */
export interface SettingsFile {
  readonly path: string
  readonly values: ReadonlyMap<string, Json>
}

/** The file of a system's settings: `<data folder>/settings/<system>.json`. Missing is empty. */
export async function readSettingsFile(dataDir: string, system: string): Promise<SettingsFile> {
  const path = join(dataDir, 'settings', `${system}.json`)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return '{}'
    throw error
  })
  return { path, values: new Map(Object.entries(parse(text, path, system))) }
}

function parse(text: string, path: string, system: string): Record<string, Json> {
  const fail = (problem: string, cause?: unknown) =>
    settingErrors.invalid_settings({ system, problems: `  ${path}: ${problem}` }, cause)
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw fail(messageOf(cause), cause)
  }
  const parsed = z.record(z.string(), z.json()).safeParse(content)
  if (!parsed.success) throw fail('must be one JSON object: {"auth.signUps": false}')
  return parsed.data as Record<string, Json>
}

/** Replaces the file as a whole, readable by its owner only. */
export async function writeSettingsFile({ path, values }: SettingsFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  const sorted = Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)))
  await writeFile(draft, `${JSON.stringify(sorted, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true })
  await rename(draft, path)
}

/** A secret for the file. `name` is bound to it, so that it cannot be moved to another setting. */
export const sealSetting = (key: Buffer, name: string, value: string): Json => ({
  sealed: seal(key, value, name).toString('base64'),
})

/** The secret that {@link sealSetting} sealed; undefined when the value is not sealed. Fails with `seal_broken`. */
export function openSetting(key: Buffer, name: string, value: Json): string | undefined {
  const parsed = sealed.safeParse(value)
  return parsed.success ? unseal(key, Buffer.from(parsed.data.sealed, 'base64'), name).toString() : undefined
}
