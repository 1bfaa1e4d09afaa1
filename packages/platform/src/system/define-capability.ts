import type { z } from 'zod'
import type { MigrationSet, ProjectDatabase, ScopedDatabase } from '../database/index.ts'
import type { CallerSource, CreateLimiter, HealthCheck, ProjectKeys, Surface } from '../http/index.ts'
import type { JobDefinition, QueueOptions } from '../jobs/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { MessageTransports } from '../messages/index.ts'
import type { AnyRoute } from '../routes/index.ts'
import type { Signals } from '../signals/index.ts'
import type { DurableConsumer, LiveConsumer, Publication, PublicationExtension, Tail } from '../tail/index.ts'
import type { PersonHooks, TenantHooks } from './hooks.ts'
import type { SystemFacts } from './system-facts.ts'

/**
 * A part of the platform that a system switches on by naming it in `uses`: storage, payments, notifications. What is not
 * used costs a project nothing: no tables, no connections, no timers.
 *
 * `Context` is what it adds to the context of the system's handlers, `Offer` what it gives to other capabilities and to
 * commands, `Schema` its settings.
 */
export interface Capability<
  Context extends object = object,
  Offer = unknown,
  Schema extends z.ZodObject = z.ZodObject,
> {
  /** kebab-case, unique in a project; first part of its settings' names: `auth` of `PLINTH_SHOPS_AUTH_SIGN_UPS`. */
  readonly name: string
  /** Capabilities that are opened before this one; the project is refused without them. */
  readonly requires?: readonly string[]
  /** Its tables and functions, applied before the system's own migrations. */
  migrations?(): Promise<MigrationSet>
  /** Its settings; secrets are marked with `secret()`. */
  readonly settings?: Schema
  /** What the system's declaration sets, over the schema's defaults. */
  readonly defaults?: z.input<Schema>
  /** Connections that it holds of its own, beside those of the project's pools. Default 0. */
  readonly connections?: number
  /** True when it hears signals of other nodes: one connection for all capabilities that do. Default false. */
  readonly hearsSignals?: boolean
  /** Puts it together on a project. Nothing is begun yet: a command opens a project without starting it. */
  open(project: CapabilityProject<z.output<Schema>>): OpenCapability<Context, Offer>
}

/** The project that a capability is opened on. */
export interface CapabilityProject<Settings = unknown> {
  readonly system: SystemFacts
  readonly database: ProjectDatabase
  readonly keys: ProjectKeys
  readonly settings: Settings
  /** The address that clients use for this project, without a trailing slash. */
  readonly url: string
  /** A 32-byte key for one purpose, derived from the project's master key. */
  deriveKey(purpose: string): Buffer
  /** The project's keys and settings as they lie on the disk, sealed where they are secret. */
  readonly secretFiles: readonly SecretFile[]
  /** `<data folder>/<area>/<system>`, for files beside the database; made by whoever writes there. */
  folder(area: string): string
  /** The stream of committed changes; where PostgreSQL gives out none it never holds. */
  readonly tail: Tail
  readonly jobs: JobQueue
  /**
   * A database with the system's schema and no rows, in the project's own cluster: what is tried there touches nothing.
   * Whoever asks for it drops it. Null where the project was opened without its cluster.
   */
  readonly scratch: (() => Promise<ScratchDatabase>) | null
  /** What other nodes say by NOTIFY, heard once the project is started. */
  readonly signals: Signals
  /** Counts attempts, over all nodes where Redis joins them. */
  readonly createLimiter: CreateLimiter
  /** Joins the nodes of a project; undefined on a single one. */
  readonly redisUrl: string | undefined
  /** What a capability that was opened earlier gives to others. Fails when it is not used. */
  offer<Offer>(key: OfferKey<Offer>): Offer
  /** What can be watched of the project; complete once all are open. */
  watched(): Watched
  /** Hooks of every capability and of the system; complete once all are open. */
  hooks(): ProjectHooks
  /** What capabilities send mails and SMS with, the last one first; complete once all are open. */
  transports(): MessageTransports
  readonly clock: Clock
  readonly log: Log
}

/** A file beside the database without which it is not the same project. */
export interface SecretFile {
  /** `keys`, `settings`. */
  readonly name: string
  /** Undefined when it is not there. */
  read(): Promise<Buffer | undefined>
  /** Replaces it; counts from the next start on. */
  write(content: Buffer): Promise<void>
}

/** A database of its own for a while. */
export interface ScratchDatabase {
  readonly database: ProjectDatabase
  drop(): Promise<void>
}

/** Adds jobs to the project's queue. */
export interface JobQueue {
  /** Gives the job's id. Fails with `unknown_job` or `invalid_payload`. */
  add(name: string, payload?: unknown, options?: QueueOptions): Promise<string>
}

/** A number worth watching. */
export interface FigureSource {
  /** kebab-case, unique in a project: `notifications-waiting`. */
  readonly name: string
  readonly unit: string
  /** Null while there is none. */
  read(): Promise<number | null> | number | null
}

/** What can be watched of a project. */
export interface Watched {
  /** Of the platform, the capabilities and the system, by the name of the part. */
  readonly health: readonly HealthCheck[]
  readonly figures: readonly FigureSource[]
}

export interface ProjectHooks {
  readonly tenant: readonly TenantHooks[]
  readonly person: readonly PersonHooks[]
}

/** For whom a handler runs: what a capability's context is made of. */
export interface HandlerScope {
  /** As the caller; a job's is the service role. */
  readonly db: ScopedDatabase
  readonly clock: Clock
  readonly log: Log
}

/** A capability on a project. */
export interface OpenCapability<Context extends object = object, Offer = unknown> {
  /** Added to the context of each of the system's handlers: `ctx.files`. Called once a request or run; must be cheap. */
  context?(scope: HandlerScope): Context
  /** What {@link CapabilityProject.offer} gives to others. */
  readonly offer?: Offer
  /** Protocols that it answers below the project's address. */
  readonly surfaces?: readonly Surface[]
  /** Routes of the project beside the system's own. */
  readonly routes?: readonly AnyRoute[]
  /** Further ways to say who asks: an `sk_…` key, a session cookie. Tried in the order of the capabilities. */
  readonly callers?: readonly CallerSource[]
  readonly jobs?: readonly JobDefinition[]
  /** What follows the stream of changes. */
  readonly consumers?: {
    /** Stores changes before the stream forgets them. */
    readonly durable?: readonly DurableConsumer[]
    /** Sees changes as they are committed. */
    readonly live?: readonly LiveConsumer[]
  }
  /** Tables that the stream carries because of it, and what else happens when they are published. */
  publishes?(): Promise<Partial<Publication> & { readonly extend?: PublicationExtension }>
  readonly health?: readonly HealthCheck[]
  /** Numbers worth watching: alert rules name them. */
  readonly figures?: readonly FigureSource[]
  /** Ways out for mails and SMS that others may use: auth sends its codes by them. */
  readonly transports?: MessageTransports
  readonly tenantHooks?: TenantHooks
  readonly personHooks?: PersonHooks
  /** Begins work, before the stream does. */
  start?(): Promise<void>
  /** Ends live connections when the server stops: HTTP cannot stop while they are open. */
  disconnect?(): Promise<void>
  /** Lets running work finish and gives everything back. Called also when `start` was not. */
  close?(): Promise<void>
}

/** Names what a capability offers to others, with its type. */
export interface OfferKey<Offer> {
  readonly capability: string
  /** Carries the type; never there. */
  readonly type?: Offer
}

export const offerKey = <Offer>(capability: string): OfferKey<Offer> => ({ capability })

/** Declares a capability; types follow from its settings and from what `open` gives. */
export function defineCapability<Context extends object, Offer, Schema extends z.ZodObject>(
  capability: Capability<Context, Offer, Schema>,
): Capability<Context, Offer, Schema> {
  return capability
}

/** Any capability, whatever its types. */
// biome-ignore lint/suspicious/noExplicitAny: settings are contravariant in `open`; each capability knows its own
export type AnyCapability = Capability<any, any, any>
