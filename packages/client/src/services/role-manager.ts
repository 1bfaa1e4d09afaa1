import type { SupabaseClient } from '@supabase/supabase-js'

/** Whose rows a permission reaches. */
export type Scope = 'own' | 'assigned' | 'all'

/** By role, its permissions with their scopes. */
export type RoleCatalogue = Readonly<Record<string, Readonly<Record<string, Scope>>>>

/** What roles may do, for what an app shows; the server decides by itself. */
export interface RoleManager {
  can(role: string, permission: string, atLeast?: Scope): boolean
  /** Null when the role may not. */
  scopeOf(role: string, permission: string): Scope | null
  permissionsOf(role: string): readonly string[]
  /** Fails with {@link PermissionError}. */
  require(role: string, permission: string, atLeast?: Scope): void
}

export class PermissionError extends Error {
  override readonly name = 'PermissionError'
  readonly code = 'permission_required'
  readonly status = 403
  readonly permission: string

  constructor(role: string, permission: string) {
    super(`The role ${role} may not ${permission.replaceAll('_', ' ')}.`)
    this.permission = permission
  }
}

const scopes: readonly Scope[] = ['own', 'assigned', 'all']

export function createRoleManager(catalogue: RoleCatalogue): RoleManager {
  const scopeOf = (role: string, permission: string): Scope | null =>
    Object.hasOwn(catalogue, role) && Object.hasOwn(catalogue[role]!, permission)
      ? catalogue[role]![permission]!
      : null
  const can = (role: string, permission: string, atLeast: Scope = 'own'): boolean => {
    const scope = scopeOf(role, permission)
    return scope !== null && scopes.indexOf(scope) >= scopes.indexOf(atLeast)
  }
  return {
    can,
    scopeOf,
    permissionsOf: (role) => Object.keys(Object.hasOwn(catalogue, role) ? catalogue[role]! : {}),
    require: (role, permission, atLeast) => {
      if (!can(role, permission, atLeast)) throw new PermissionError(role, permission)
    },
  }
}

/** The catalogue as a system's table has it: rows of `role`, `permission`, `scope`. */
export async function readRoleCatalogue(
  client: Pick<SupabaseClient, 'from'>,
  table = 'role_permissions',
): Promise<RoleCatalogue> {
  const { data } = await client.from(table).select('role, permission, scope').throwOnError()
  const catalogue: Record<string, Record<string, Scope>> = {}
  for (const { role, permission, scope } of data as { role: string; permission: string; scope: Scope }[]) {
    const permissions = catalogue[role] ?? {}
    catalogue[role] = { ...permissions, [permission]: scope }
  }
  return catalogue
}
