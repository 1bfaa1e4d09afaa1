import type { Command } from 'commander'

/** One command of `plinth`. Its code is read only when it is asked for: that of a server takes a second. */
export interface CommandEntry {
  readonly name: string
  /** As its own help says it: what `plinth --help` shows beside the name. */
  readonly summary: string
  /** Gives what adds the command, with its options, to the program. */
  load(): Promise<(program: Command) => void>
}

export const commands: readonly CommandEntry[] = [
  {
    name: 'start',
    summary: 'start PostgreSQL and the systems, and serve them',
    load: async () => (await import('./start.ts')).addStartCommand,
  },
  {
    name: 'status',
    summary: 'show addresses and keys of the running server',
    load: async () => (await import('./status.ts')).addStatusCommand,
  },
  {
    name: 'health',
    summary: 'show how each part of the running server does, with figures',
    load: async () => (await import('./health.ts')).addHealthCommand,
  },
  {
    name: 'alerts',
    summary: 'what is wrong in a project, and since when',
    load: async () => (await import('./alerts.ts')).addAlertsCommand,
  },
  {
    name: 'audit',
    summary: 'who did what to which thing, in words, the latest first',
    load: async () => (await import('./audit.ts')).addAuditCommand,
  },
  {
    name: 'backup',
    summary: 'take, prove and restore backups of tenants and of whole projects',
    load: async () => (await import('./backup.ts')).addBackupCommand,
  },
  {
    name: 'eyemotion',
    summary: 'initialise eyemotion, see how it does, appoint its first admin',
    load: async () => (await import('./eyemotion.ts')).addEyemotionCommand,
  },
  {
    name: 'import',
    summary: 'take in rows from files of other systems',
    load: async () => (await import('./import.ts')).addImportCommand,
  },
  {
    name: 'serve-rest',
    summary: 'serve the rest surface alone over your own database, under PostgREST’s setting names',
    load: async () => (await import('./serve-rest.ts')).addServeRestCommand,
  },
  {
    name: 'jobs',
    summary: 'see what ran and what is due, or run a job now',
    load: async () => (await import('./jobs.ts')).addJobsCommand,
  },
  {
    name: 'journal',
    summary: 'who changed what from what to what, and the proof that it holds',
    load: async () => (await import('./journal.ts')).addJournalCommand,
  },
  {
    name: 'flags',
    summary: 'switch what a project, a tenant or a user has',
    load: async () => (await import('./flags.ts')).addFlagsCommand,
  },
  {
    name: 'keys',
    summary: 'API keys by which other programs call a project',
    load: async () => (await import('./keys.ts')).addKeysCommand,
  },
  {
    name: 'notifications',
    summary: 'templates of messages to people, and messages that were given up',
    load: async () => (await import('./notifications.ts')).addNotificationsCommand,
  },
  {
    name: 'rekon30',
    summary: 'who runs the platform of rekon30',
    load: async () => (await import('./rekon30.ts')).addRekon30Command,
  },
  {
    name: 'rewind',
    summary: 'take one tenant back to an instant, without touching its neighbours',
    load: async () => (await import('./rewind.ts')).addRewindCommand,
  },
  {
    name: 'storage',
    summary: 'whether files and their rows agree, and what they take',
    load: async () => (await import('./storage.ts')).addStorageCommand,
  },
  {
    name: 'tenant',
    summary: 'give out or erase everything that a tenant has',
    load: async () => (await import('./owner-data.ts')).addTenantCommand,
  },
  {
    name: 'person',
    summary: 'give out or erase what is known of a person',
    load: async () => (await import('./owner-data.ts')).addPersonCommand,
  },
  {
    name: 'settings',
    summary: 'what a project is set to, and where that comes from; set, or take back',
    load: async () => (await import('./settings.ts')).addSettingsCommand,
  },
  {
    name: 'simulate',
    summary: 'serve a payment provider for development, or play a story of its events',
    load: async () => (await import('./simulate.ts')).addSimulateCommand,
  },
  {
    name: 'types',
    summary: 'write a system’s database.types.ts, for supabase-js',
    load: async () => (await import('./types.ts')).addTypesCommand,
  },
  {
    name: 'reset',
    summary: 'throw a system’s database away, to start over while its first migrations are written',
    load: async () => (await import('./reset.ts')).addResetCommand,
  },
  {
    name: 'new',
    summary: 'write a new system that runs and passes its tests',
    load: async () => (await import('./new.ts')).addNewCommand,
  },
  {
    name: 'webhooks',
    summary: 'tell other systems of changes, signed as Standard Webhooks',
    load: async () => (await import('./webhooks.ts')).addWebhooksCommand,
  },
]

const overviews = ['--help', '-h', '--version', '-V']

/**
 * Adds to `program` what its arguments ask for: one command, all of them by name for an overview, else `start`, which
 * also takes the names of systems.
 */
export async function addCommands(program: Command, given: readonly string[]): Promise<void> {
  const wanted = given[0] === 'help' ? (given[1] ?? '--help') : given[0]
  if (wanted !== undefined && overviews.includes(wanted)) return addNames(program)
  const entry = commands.find(({ name }) => name === wanted) ?? commands[0]!
  const add = await entry.load()
  add(program)
}

function addNames(program: Command): void {
  for (const { name, summary } of commands) program.command(name).description(summary)
}
