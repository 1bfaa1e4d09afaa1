import { join } from 'node:path'
import type { z } from 'zod'
import {
  type ClusterAddresses,
  openProjectDatabase,
  type ProjectAddresses,
  type ProjectDatabase,
} from '../database/index.ts'
import {
  type CreateLimiter,
  createMemoryLimiter,
  defineCors,
  type HealthCheck,
  type HostedProject,
  openProjectKeys,
  type ProjectKeys,
  type Surface,
} from '../http/index.ts'
import { type JobDefinition, type JobRunner, pruneRunsJob, queueJob, startJobRunner } from '../jobs/index.ts'
import { type Clock, deriveKey, type Log } from '../kernel/index.ts'
import { createRoutesSurface, type ExtendContext, routeNamesOf } from '../routes/index.ts'
import type { Settings } from '../settings/index.ts'
import { createSignals, type Signals } from '../signals/index.ts'
import type {
  AnyCapability,
  CapabilityProject,
  HandlerScope,
  JobQueue,
  OfferKey,
  OpenCapability,
  ProjectHooks,
  SystemDeclaration,
  Watched,
} from '../system/index.ts'
import { createStandingTail, createTail, type DurableConsumer, type Tail } from '../tail/index.ts'
import { capabilitiesOf } from './capabilities.ts'
import { checkDeclaration } from './check-declaration.ts'
import { projectErrors } from './errors.ts'
import { checkDatabase, checkTail, withoutTail } from './project-health.ts'
import type { ProjectSecrets } from './project-secrets.ts'
import { type projectSettings, readProjectSettings } from './project-settings.ts'
import { publishChanges } from './publish-changes.ts'
import { createScratchDatabase } from './scratch-database.ts'
import { secretFile } from './secret-file.ts'

export interface ProjectOptions {
  readonly system: SystemDeclaration
  /** Of a database that is up to date: {@link prepareDatabase}. */
  readonly addresses: ProjectAddresses
  readonly secrets: ProjectSecrets
  /** Its administrator's addresses; without them nothing can be tried in a scratch database. */
  readonly cluster?: ClusterAddresses | undefined
  /** False where PostgreSQL gives out no changes: the project runs without journal, rewind and realtime changes. */
  readonly logicalReplication: boolean
  readonly dataDir: string
  /** Variables `PLINTH_<SYSTEM>_…` of the environment. */
  readonly environment: Readonly<Record<string, string>>
  /** The address that clients use for this project, without a trailing slash. */
  readonly url: string
  readonly redisUrl: string | undefined
  /** Counts calls of routes and functions. Default: in this process. */
  readonly createLimiter?: CreateLimiter | undefined
  readonly clock: Clock
  readonly log: Log
}

/** A system on its database. It answers once it is started; a command works with it as it is. */
export interface Project extends HostedProject {
  readonly system: SystemDeclaration
  readonly database: ProjectDatabase
  readonly settings: Settings
  readonly tail: Tail
  readonly jobs: JobQueue
  readonly jobDefinitions: readonly JobDefinition[]
  /** What the capabilities add to the context of a handler. */
  extendContext(scope: HandlerScope): object
  readonly health: readonly HealthCheck[]
  /** What a capability gives to others. */
  offer<Offer>(key: OfferKey<Offer>): Offer
  /** Publishes changes, follows them, and lets jobs run; `jobs: false` leaves those to {@link runDueJobs}. */
  start(options?: { readonly jobs?: boolean }): Promise<void>
  /** Ends live connections: HTTP cannot stop while they are open. */
  disconnect(): Promise<void>
  /** Lets running work finish, then closes every connection. */
  close(): Promise<void>
}

/** Puts a project together from what its system declares. Fails with `invalid_settings` and codes of `projectErrors`. */
export async function openProject(options: ProjectOptions): Promise<Project> {
  const { system, addresses, secrets, clock } = options
  const log = options.log.child({ system: system.name })
  checkDeclaration(system)
  const capabilities = capabilitiesOf(system)
  const settings = await readProjectSettings({
    ...options,
    capabilities,
    key: deriveKey(secrets.sealingKey, 'settings'),
  })
  const own = settings.of('') as z.output<typeof projectSettings>
  const keys = await openProjectKeys(system.name, secrets.keysFile, clock, own)
  const cors = defineCors({ origins: own.allowedOrigins, credentials: own.allowCookies })
  const database = openProjectDatabase({ system: system.name, addresses, log })
  const durable: DurableConsumer[] = []
  const tail = options.logicalReplication
    ? createTail({ database, log, durable })
    : createStandingTail(system.name)
  const jobDefinitions: JobDefinition[] = [...system.jobs, pruneRunsJob(database)]
  const jobs: JobQueue = {
    add: (name, payload, given) => queueJob(database, jobDefinitions, name, payload, given),
  }
  const signals = createSignals({ url: addresses.ownerDirect, system: system.name, log })
  const { cluster } = options
  const scratch = cluster
    ? () => createScratchDatabase({ system, cluster, secrets, jobs: jobDefinitions, clock, log })
    : null
  const ground = { database, keys, tail, jobs, scratch, signals, settings, log }
  const opened = openCapabilities(capabilities, options, ground, () => watched)
  jobDefinitions.push(...opened.all.flatMap((capability) => capability.jobs ?? []))
  requireUniqueJobs(system.name, jobDefinitions)
  const given = { database, jobs, clock, log, settings: settings.of('') }
  const ofSystem = system.consumers?.(given)
  const consumers = [...opened.all.map((capability) => capability.consumers), ofSystem]
  durable.push(...consumers.flatMap((each) => each?.durable ?? []))
  const live = consumers.flatMap((each) => each?.live ?? [])
  const extendContext = (scope: HandlerScope): object =>
    Object.assign({}, ...opened.all.map((capability) => capability.context?.(scope)))
  let runner: JobRunner | undefined
  const watched: Watched = {
    health: [...healthOf(options, ground, opened.all, () => runner), ...(system.health?.(given) ?? [])],
    figures: [
      ...opened.all.flatMap((capability) => capability.figures ?? []),
      ...(system.figures?.(given) ?? []),
    ],
  }

  return {
    name: system.name,
    functionNames: routeNamesOf(system),
    keys,
    cors,
    surfaces: surfacesOf(options, opened.all, { database, extendContext }),
    callers: opened.all.flatMap((capability) => capability.callers ?? []),
    system,
    database,
    settings,
    tail,
    jobs,
    jobDefinitions,
    extendContext,
    offer: opened.offer,
    health: watched.health.map((check) => ({ ...check, name: `${system.name}/${check.name}` })),
    start: async ({ jobs: runsJobs = true } = {}) => {
      await publishChanges(database, opened.all, options.logicalReplication)
      await signals.start()
      for (const consumer of live) tail.subscribe(consumer)
      for (const capability of opened.all) await capability.start?.()
      tail.start()
      if (!runsJobs) return
      const { errors } = system
      runner = await startJobRunner({ database, jobs: jobDefinitions, errors, extendContext, clock, log })
    },
    disconnect: async () => {
      for (const capability of opened.all) await capability.disconnect?.()
    },
    close: async () => {
      await runner?.stop()
      for (const capability of opened.all.toReversed()) await capability.disconnect?.()
      await tail.stop()
      for (const capability of opened.all.toReversed()) await capability.close?.()
      await signals.stop()
      await database.close()
    },
  }
}

interface Ground {
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly tail: Tail
  readonly jobs: JobQueue
  readonly scratch: CapabilityProject['scratch']
  readonly signals: Signals
  readonly settings: Settings
  readonly log: Log
}

interface OpenCapabilities {
  readonly all: readonly OpenCapability[]
  offer<Offer>(key: OfferKey<Offer>): Offer
}

function openCapabilities(
  capabilities: readonly AnyCapability[],
  { system, secrets, dataDir, url, redisUrl, createLimiter, clock }: ProjectOptions,
  { database, keys, tail, jobs, scratch, signals, settings, log }: Ground,
  watched: () => Watched,
): OpenCapabilities {
  const opened = new Map<string, OpenCapability>()
  const offer = <Offer>({ capability }: OfferKey<Offer>): Offer => {
    const found = opened.get(capability)
    if (!found)
      throw projectErrors.missing_capability({ system: system.name, name: system.name, required: capability })
    return found.offer as Offer
  }
  const hooks = (): ProjectHooks => {
    const given = { database, jobs, clock, log, settings: settings.of('') }
    const ofSystem = { tenant: system.tenantHooks?.(given), person: system.personHooks?.(given) }
    const all = [...opened.values()]
    return {
      tenant: [...all.map(({ tenantHooks }) => tenantHooks), ofSystem.tenant].filter(
        (hook) => hook !== undefined,
      ),
      person: [...all.map(({ personHooks }) => personHooks), ofSystem.person].filter(
        (hook) => hook !== undefined,
      ),
    }
  }
  const transports = () => {
    const given = [...opened.values()].map((capability) => capability.transports)
    return { mail: given.findLast((each) => each?.mail)?.mail, sms: given.findLast((each) => each?.sms)?.sms }
  }
  for (const capability of capabilities) {
    const project: CapabilityProject = {
      system,
      database,
      keys,
      settings: settings.of(capability.name),
      url,
      deriveKey: (purpose) => deriveKey(secrets.sealingKey, purpose),
      secretFiles: [
        secretFile('keys', secrets.keysFile),
        secretFile('settings', join(dataDir, 'settings', `${system.name}.json`)),
      ],
      folder: (area) => join(dataDir, area, system.name),
      tail,
      jobs,
      scratch,
      signals,
      createLimiter: createLimiter ?? createMemoryLimiter,
      redisUrl,
      offer,
      watched,
      hooks,
      transports,
      clock,
      log: log.child({ capability: capability.name }),
    }
    opened.set(capability.name, capability.open(project))
  }
  return { all: [...opened.values()], offer }
}

function surfacesOf(
  { system, url, createLimiter, clock }: ProjectOptions,
  opened: readonly OpenCapability[],
  { database, extendContext }: { readonly database: ProjectDatabase; readonly extendContext: ExtendContext },
): Surface[] {
  const info = { summary: system.summary, url }
  const routes = [...(system.routes ?? []), ...opened.flatMap((capability) => capability.routes ?? [])]
  return [
    ...opened.flatMap((capability) => capability.surfaces ?? []),
    ...createRoutesSurface({ ...system, routes, database, extendContext, createLimiter, info, clock }),
  ]
}

function healthOf(
  { logicalReplication }: ProjectOptions,
  { database, tail }: Ground,
  opened: readonly OpenCapability[],
  runner: () => JobRunner | undefined,
): HealthCheck[] {
  return [
    { name: 'database', check: () => checkDatabase(database) },
    {
      name: 'jobs',
      check: () => runner()?.health() ?? { status: 'degraded', detail: { off: 'not started' } },
    },
    { name: 'tail', check: () => (logicalReplication ? checkTail(tail) : withoutTail) },
    ...opened.flatMap((capability) => capability.health ?? []),
  ]
}

function requireUniqueJobs(system: string, jobs: readonly JobDefinition[]): void {
  const names = new Set<string>()
  for (const { name } of jobs) {
    if (names.has(name)) throw projectErrors.duplicate_job({ system, name })
    names.add(name)
  }
}
