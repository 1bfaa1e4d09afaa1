import { z } from 'zod'
import { signingKeyList } from '../http/index.ts'
import { readSettings, type Settings, type SettingsGroup, secret } from '../settings/index.ts'
import type { AnyCapability, SystemDeclaration } from '../system/index.ts'

/** What every project can be set to, whatever it uses: `PLINTH_<SYSTEM>_JWT_SECRET`. */
export const projectSettings = z.object({
  jwtSecret: secret(z.string().min(32).max(1024))
    .optional()
    .describe(
      'HS256 secret of the API keys: with the one of a Supabase project its keys and tokens count here.',
    ),
  jwtKeys: secret(signingKeyList)
    .optional()
    .describe(
      'JSON list of private keys (JWK: ES256, RS256, EdDSA) that sign users’ tokens; the first signs, all verify.',
    ),
  allowedOrigins: z
    .union([z.literal('*'), z.array(z.string().min(1))])
    .default('*')
    .describe('Origins of the pages that may call the project from a browser.'),
  allowCookies: z
    .boolean()
    .default(false)
    .describe('Whether requests of those pages may carry cookies; needs a list of origins.'),
})

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
    { name: '', schema: projectSettings },
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
