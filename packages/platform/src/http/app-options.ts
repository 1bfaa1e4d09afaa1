import type { Clock, Log } from '../kernel/index.ts'
import type { CallerSource } from './callers/caller-source.ts'
import type { Cors } from './cors/cors.ts'
import type { HealthCheck } from './health.ts'
import type { ProjectKeys } from './keys/project-keys.ts'
import type { AddressedProject, ProjectDirectory } from './project-directory.ts'
import type { RootSurface, Surface, SurfaceEnv } from './surface.ts'

/** A project as the HTTP server sees it. */
export interface HostedProject extends AddressedProject {
  readonly keys: ProjectKeys
  readonly surfaces: readonly Surface[]
  /** Further ways to say who asks, in the order in which they are tried. Default none. */
  readonly callers?: readonly CallerSource[]
  /** Which pages may call it; from `defineCors`. Default: any, without cookies. */
  readonly cors?: Cors
}

export interface AppOptions {
  readonly directory: ProjectDirectory<HostedProject>
  readonly health: readonly HealthCheck[]
  readonly clock: Clock
  readonly log: Log
  /** Reverse proxies whose `X-Forwarded-For` and `-Proto` are believed. Default 0: what the socket says. */
  readonly trustedProxies?: number
  /** The address that clients use. With https, plain HTTP from other machines is refused. Default: none. */
  readonly publicUrl?: string | undefined
  /** Largest request body in bytes where a surface does not say. Default 10 MiB; files will go through storage. */
  readonly bodyLimitBytes?: number
  /** Most bytes of large bodies that are held at once, over all projects. Default 128 MiB. */
  readonly bodyRoomBytes?: number
  /** Pages of the server itself. Default none. */
  readonly rootSurfaces?: readonly RootSurface[]
}

/** Bytes of a request body, where nobody says otherwise. */
export const defaultBodyLimit = 10 * 1024 * 1024

/** What the server's own handlers find in `c.var`. */
export type RootEnv = { Variables: SurfaceEnv['Variables'] & { surface?: Surface } }
