import { z } from 'zod'
import { readSettings, type Settings, type SettingsGroup } from '../settings/index.ts'
import type { AnyCapability, SystemDeclaration } from '../system/index.ts'

export interface ProjectSettingsSources {
  readonly system: SystemDeclaration
  readonly capabilities: readonly AnyCapability[]
  readonly dataDir: string
  /** Variables `PLINTH_<SYSTEM>_…` of the environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Opens secrets in the file. */
  readonly key: Buffer
}

/** What a system's settings are: its own, and those of each capability that it uses under the capability's name. */
export function settingsGroupsOf(
  system: SystemDeclaration,
  capabilities: readonly AnyCapability[],
): readonly SettingsGroup[] {
  const own = system.settings ?? z.object({})
  return [
    { name: '', schema: own },
    ...capabilities.map(({ name, settings, defaults }) => ({
      name,
      schema: settings ?? z.object({}),
      ...(defaults ? { defaults } : {}),
    })),
  ]
}

/** A project's settings, complete and checked. Fails with `invalid_settings`. */
export function readProjectSettings(sources: ProjectSettingsSources): Promise<Settings> {
  const { system, capabilities, dataDir, environment, key } = sources
  const groups = settingsGroupsOf(system, capabilities)
  return readSettings({ system: system.name, dataDir, environment, key, groups })
}
