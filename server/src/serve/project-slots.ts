import { setTimeout as delay } from 'node:timers/promises'
import {
  type HealthCheck,
  type HostedProject,
  openProjectKeys,
  unavailableProject,
} from '@plinth/platform/http'
import { type Clock, type Config, type Log, messageOf } from '@plinth/platform/kernel'
import { openProjectSecrets } from '@plinth/platform/project'
import { routeNamesOf } from '@plinth/platform/routes'
import type { SystemDeclaration } from '@plinth/platform/system'
import type { StartedProject } from './start-project.ts'

export interface SlotsOptions {
  readonly systems: readonly SystemDeclaration[]
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  /** Called when a project that was set aside answers. */
  readonly onReady: () => void
}

/** One place for each system. Whoever owns a system's database can keep it from starting, and must not stop the others. */
export interface ProjectSlots {
  /** Those that answer, in the order of the systems. */
  readonly ready: readonly StartedProject[]
  /** Why the others do not, by name. */
  readonly unavailable: Readonly<Record<string, string>>
  /** Every system: the project itself, or one that says that it is not available now. */
  readonly hosted: readonly HostedProject[]
  readonly health: readonly HealthCheck[]
  /** Stops trying, and closes every project. */
  close(): Promise<void>
}

interface Slot {
  readonly system: SystemDeclaration
  readonly standIn: HostedProject
  project?: StartedProject
  /** Why the last try failed; none while the first one goes on. */
  problem?: unknown
}

/** Milliseconds before the second try of a project that did not start; doubled from try to try. */
const firstPause = 5_000
const longestPause = 60_000
/** How long a try that goes on is waited for when the server stops. Milliseconds. */
const stopGrace = 2_000

/**
 * Starts every project, side by side. Comes back when each has answered or failed, or after `patience` milliseconds when at
 * least one answers; the others are tried again in the background. Fails as the first project did when none starts.
 */
export async function openSlots(
  start: (system: SystemDeclaration) => Promise<StartedProject>,
  patience: number,
  options: SlotsOptions,
): Promise<ProjectSlots> {
  const { systems, log, onReady } = options
  const slots: Slot[] = await Promise.all(
    systems.map(async (system) => ({ system, standIn: await standInOf(system, options) })),
  )
  const closing = new AbortController()
  let answering = false
  const first = slots.map(attempt)
  await enough(first, patience)
  answering = true
  if (first.length > 0 && !slots.some(({ project }) => project))
    throw slots.find(({ problem }) => problem !== undefined)?.problem
  const trying = slots.map((slot, index) => untilStarted(slot, first[index]!))
  return {
    get ready() {
      return slots.flatMap(({ project }) => project ?? [])
    },
    get unavailable() {
      const missing = slots.filter(({ project }) => !project)
      return Object.fromEntries(missing.map((slot) => [slot.system.name, reasonOf(slot)]))
    },
    get hosted() {
      return slots.map(({ project, standIn }) => project ?? standIn)
    },
    get health() {
      return slots.flatMap((slot) => slot.project?.health ?? startCheck(slot))
    },
    close: async () => {
      closing.abort()
      await Promise.race([Promise.all(trying), delay(stopGrace, undefined, { ref: false })])
      const closed = await Promise.allSettled(slots.map(({ project }) => project?.close()))
      for (const outcome of closed) if (outcome.status === 'rejected') throw outcome.reason
    },
  }

  /** True when the project answers now. */
  async function attempt(slot: Slot): Promise<boolean> {
    try {
      const project = await start(slot.system)
      if (closing.signal.aborted) return project.close().then(() => false)
      slot.project = project
      if (answering) onReady()
      return true
    } catch (error) {
      slot.problem = error
      log.error({ err: error, system: slot.system.name }, 'project did not start')
      return false
    }
  }

  async function untilStarted(slot: Slot, first: Promise<boolean>): Promise<void> {
    let started = await first
    for (let pause = firstPause; !started; pause = Math.min(pause * 2, longestPause)) {
      await delay(pause, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (closing.signal.aborted) return
      started = await attempt(slot)
    }
  }
}

/** Waits for all, but for the slow ones no longer than `patience` milliseconds once another has started. */
async function enough(attempts: readonly Promise<boolean>[], patience: number): Promise<void> {
  const someStarted = Promise.any(attempts.map(async (attempt) => (await attempt) || Promise.reject()))
  const given = new AbortController()
  const patient = delay(patience, undefined, { signal: given.signal }).catch(() => undefined)
  const all = Promise.all(attempts)
  await Promise.race([all, Promise.all([patient, someStarted.catch(() => all)])])
  given.abort()
}

async function standInOf(system: SystemDeclaration, { config, clock }: SlotsOptions): Promise<HostedProject> {
  const { keysFile } = await openProjectSecrets(config.dataDir, system.name)
  const keys = await openProjectKeys(system.name, keysFile, clock)
  return unavailableProject({ name: system.name, functionNames: routeNamesOf(system), keys })
}

const reasonOf = ({ problem }: Slot): string =>
  problem === undefined ? 'It is starting.' : messageOf(problem)

/** What is off is for the service key of that project; the others go on, so the server is not down. */
const startCheck = (slot: Slot): HealthCheck => ({
  name: `${slot.system.name}/start`,
  check: () => ({ status: 'degraded', detail: { problem: reasonOf(slot) } }),
})
