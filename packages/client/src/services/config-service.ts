/** How an app is set up. */
export interface Config {
  readonly isProduction: boolean
  readonly supabaseUrl: string
  readonly supabaseAnonKey: string
  /** Reads from copies on the device, and sends writes when there is a network. Default false. */
  readonly enableOfflineMode: boolean
  /** Default false. */
  readonly enablePushNotifications: boolean
  /** Default false: nothing of what people do is told to anybody. */
  readonly enableAnalytics: boolean
}

/** Names of the switches. */
export type ConfigFlag = 'enableOfflineMode' | 'enablePushNotifications' | 'enableAnalytics'

const flagNames: readonly ConfigFlag[] = ['enableOfflineMode', 'enablePushNotifications', 'enableAnalytics']

/**
 * Reads `SUPABASE_URL`, `SUPABASE_ANON_KEY`, `NODE_ENV` or `PROD`, and the switches (`ENABLE_OFFLINE_MODE=true`) from
 * variables: `process.env`, `import.meta.env`, whose names may begin with `VITE_`. Fails when address or key is missing.
 */
export function readConfig(
  variables: Readonly<Record<string, unknown>>,
  given: Partial<Config> = {},
): Config {
  const read = (name: string): string | undefined => {
    const value = variables[name] ?? variables[`VITE_${name}`]
    return value === undefined || value === '' ? undefined : String(value)
  }
  const supabaseUrl = given.supabaseUrl ?? read('SUPABASE_URL')
  const supabaseAnonKey = given.supabaseAnonKey ?? read('SUPABASE_ANON_KEY')
  if (!supabaseUrl || !URL.canParse(supabaseUrl)) throw new Error('SUPABASE_URL is not an address.')
  if (!supabaseAnonKey) throw new Error('SUPABASE_ANON_KEY is missing.')
  const flag = (name: ConfigFlag): boolean =>
    given[name] ?? read(name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()) === 'true'
  return Object.freeze({
    isProduction: given.isProduction ?? (read('NODE_ENV') === 'production' || read('PROD') === 'true'),
    supabaseUrl,
    supabaseAnonKey,
    enableOfflineMode: flag('enableOfflineMode'),
    enablePushNotifications: flag('enablePushNotifications'),
    enableAnalytics: flag('enableAnalytics'),
  })
}

/** The same with the switches that the server knows, where the system uses `flags()`. */
export async function withServerFlags(
  config: Config,
  flags: { all(): Promise<Readonly<Record<string, boolean>>> },
): Promise<Config> {
  const known = await flags.all()
  const told = flagNames.filter((name) => Object.hasOwn(known, name)).map((name) => [name, known[name]])
  return Object.freeze({ ...config, ...Object.fromEntries(told) })
}
