import type { ScopedDatabase } from '../../database/index.ts'

/** The roles of a system and what they permit; declared once, asked by every route. */
export interface Roles {
  /** Names of the roles that a user has. Asked with the service role, at most once a request. */
  of(database: ScopedDatabase, userId: string): Promise<readonly string[]>
  /** By role its permissions. Default: roles permit nothing by themselves. */
  readonly permissions?: Readonly<Record<string, readonly string[]>>
}

/** True when one of `roles` permits it. */
export const isPermitted = (
  { permissions = {} }: Pick<Roles, 'permissions'>,
  roles: ReadonlySet<string>,
  permission: string,
): boolean =>
  Object.entries(permissions).some(([role, granted]) => roles.has(role) && granted.includes(permission))
