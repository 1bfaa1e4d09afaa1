import type { Session, SupabaseClient } from '@supabase/supabase-js'
import type { Logger } from './logger-service.ts'
import type { Repository } from './repository.ts'
import { requireValid, rules } from './validation-service.ts'

export interface UserState<Profile> {
  /** True until it is known whether somebody is signed in. */
  readonly isLoading: boolean
  readonly userId: string | null
  readonly profile: Profile | null
}

/** Who is signed in, with their profile as it is now. */
export interface UserController<Profile> {
  readonly state: UserState<Profile>
  /** Resolves when it is known whether somebody is signed in. */
  readonly ready: Promise<void>
  /** Checks what is asked, makes the account, and greets: the profile is made with the account by the system. */
  register(account: {
    readonly email: string
    readonly password: string
    readonly name: string
    readonly data?: Readonly<Record<string, unknown>>
  }): Promise<void>
  signIn(email: string, password: string): Promise<void>
  signOut(): Promise<void>
  updateProfile(data: Partial<Profile>): Promise<void>
  onChange(listener: (state: UserState<Profile>) => void): () => void
  close(): void
}

export interface UserControllerOptions<Profile> {
  readonly client: Pick<SupabaseClient, 'auth'>
  readonly profiles: Repository<Profile>
  /** Called after somebody has registered and is signed in. */
  readonly welcome?: (user: {
    readonly id: string
    readonly name: string
    readonly email: string
  }) => Promise<unknown>
  /** Instead of `auth.signOut()`: that of offline mode. */
  readonly signOut?: () => Promise<void>
  readonly logger?: Logger
}

export function createUserController<Profile extends object>(
  options: UserControllerOptions<Profile>,
): UserController<Profile> {
  const { client, profiles, welcome, logger } = options
  const listeners = new Set<(state: UserState<Profile>) => void>()
  const known = Promise.withResolvers<void>()
  let state: UserState<Profile> = { isLoading: true, userId: null, profile: null }
  let watching: { close(): void | Promise<void> } | undefined

  function become(change: Partial<UserState<Profile>>): void {
    state = { ...state, ...change }
    for (const listener of [...listeners]) listener(state)
  }

  function follow(session: Session | null): void {
    known.resolve()
    const userId = session?.user.id ?? null
    if (userId === state.userId && !state.isLoading) return
    void watching?.close()
    watching = undefined
    become({ isLoading: false, userId, profile: null })
    if (userId !== null) followProfile(userId)
  }

  function followProfile(userId: string): void {
    const isOwn = (row: object) => (row as { id?: unknown }).id === userId
    watching = profiles.watch((event) => {
      if (state.userId !== userId) return
      if (event.type === 'snapshot')
        become({ profile: event.rows.find((row) => isOwn(row as object)) ?? null })
      else
        for (const { type, row } of event.changes)
          if (isOwn(row as object)) become({ profile: type === 'remove' ? null : row })
    })
  }

  // Not at once: supabase-js holds its lock while it calls back.
  const { data } = client.auth.onAuthStateChange((_, session) => void setTimeout(() => follow(session), 0))

  return {
    get state() {
      return state
    },
    ready: known.promise,
    register: async ({ email, password, name, data: more }) => {
      const checks = {
        email: [rules.required, rules.email],
        password: [rules.required, rules.password],
        name: [rules.required, rules.length(1, 255)],
      }
      requireValid({ email, password, name }, checks)
      const { data: made, error } = await client.auth.signUp({
        email,
        password,
        options: { data: { ...more, name } },
      })
      if (error) throw error
      if (made.session && made.user)
        await welcome?.({ id: made.user.id, name, email }).catch((error: unknown) =>
          logger?.warn('welcome could not be sent', { error }),
        )
    },
    signIn: async (email, password) => {
      const { error } = await client.auth.signInWithPassword({ email, password })
      if (error) throw error
    },
    signOut: async () => {
      if (options.signOut) await options.signOut()
      else {
        const { error } = await client.auth.signOut()
        if (error) throw error
      }
    },
    updateProfile: async (change) => {
      if (state.userId === null) throw new Error('Nobody is signed in.')
      await profiles.update(state.userId, change)
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => {
      data.subscription.unsubscribe()
      void watching?.close()
    },
  }
}
