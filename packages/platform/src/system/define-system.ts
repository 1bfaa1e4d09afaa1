import type { z } from 'zod'
import type { MigrationSet } from '../database/index.ts'
import type { HealthCheck } from '../http/index.ts'
import type { JobDefinition } from '../jobs/index.ts'
import { rememberPlace } from '../kernel/index.ts'
import type { AnyFunction, AnyRoute, Envelope, Roles } from '../routes/index.ts'
import type { DurableConsumer, LiveConsumer } from '../tail/index.ts'
import type { AnyCapability, CapabilityProject, FigureSource } from './define-capability.ts'
import type { Demo, ImportDeclaration } from './define-import.ts'
import type { PersonHooks, TenantHooks } from './hooks.ts'
import type { SystemFacts } from './system-facts.ts'

/** What a system's own parts of the stream and of hooks are made of. */
export type SystemProject = Pick<CapabilityProject, 'database' | 'jobs' | 'clock' | 'log' | 'settings'>

/** Everything that the platform needs to know of a system; nothing about it is written twice. */
export interface SystemDeclaration extends SystemFacts {
  /** Capabilities beside those that every project has; one of the same name replaces it, with other settings. */
  readonly uses?: readonly AnyCapability[]
  /** Settings of its own: `PLINTH_<SYSTEM>_…`. */
  readonly settings?: z.ZodObject
  /** Its SQL, read at start: `() => readMigrations('shops', new URL('./sql/migrations/', import.meta.url))`. */
  migrations(): Promise<MigrationSet>
  readonly functions: readonly AnyFunction[]
  /** Under paths of its own: `/bookings/:id`. Default none. */
  readonly routes?: readonly AnyRoute[]
  /** Who has which role, and what a role may. Default: nobody has one. */
  readonly roles?: Roles
  /** Shape of the answers of its functions and routes. Default `dataEnvelope`. */
  readonly envelope?: Envelope
  readonly jobs: readonly JobDefinition[]
  /** What follows the stream of committed changes: metrics, caches, analytics. */
  consumers?(project: SystemProject): {
    readonly durable?: readonly DurableConsumer[]
    readonly live?: readonly LiveConsumer[]
  }
  /** How its own parts do, beside those of the platform. */
  health?(project: SystemProject): readonly HealthCheck[]
  /** Numbers worth watching: alert rules name them. */
  figures?(project: SystemProject): readonly FigureSource[]
  tenantHooks?(project: SystemProject): TenantHooks
  personHooks?(project: SystemProject): PersonHooks
  /** What can be taken in from files. Default none. */
  readonly imports?: readonly ImportDeclaration[]
  /** Data to try the system with. */
  readonly demo?: Demo
}

export function defineSystem(declaration: SystemDeclaration): SystemDeclaration {
  return rememberPlace(declaration)
}
