import type { SupabaseClient } from '@supabase/supabase-js'
import type { OfflineIdentity } from './offline-transport.ts'

/** Where supabase-js keeps its session: it alone knows who is signed in while there is no network. */
interface SessionPlace {
  readonly storageKey: string
  readonly storage: {
    getItem(key: string): string | null | Promise<string | null>
    removeItem(key: string): void | Promise<void>
  }
}

export interface SupabaseIdentity extends OfflineIdentity {
  /** Ends the session on this device; also on the server when it can be reached. */
  signOut(): Promise<void>
}

/**
 * Who is signed in with a supabase-js client. `auth.getSession()` gives no session when the token has run out and there is
 * no network, as if nobody were signed in; so the user is read from the session as it is stored.
 */
export function supabaseIdentity(client: Pick<SupabaseClient, 'auth'>): SupabaseIdentity {
  const { auth } = client
  const { storage, storageKey } = auth as unknown as SessionPlace

  async function user(): Promise<string | null> {
    const stored = await storage.getItem(storageKey)
    return stored ? userOfSession(stored) : null
  }

  return {
    user,
    token: async (of, renew) => {
      const { data, error } = renew ? await auth.refreshSession() : await auth.getSession()
      const token = data.session?.access_token
      return !error && token && userOfToken(token) === of ? token : null
    },
    onChange: (changed) => {
      // Not at once: supabase-js holds its lock while it calls back.
      const { data } = auth.onAuthStateChange(() => void setTimeout(changed, 0))
      return () => data.subscription.unsubscribe()
    },
    signOut: async () => {
      await auth.signOut({ scope: 'local' })
      // Without a network supabase-js keeps the session.
      if ((await user()) !== null) await storage.removeItem(storageKey)
    },
  }
}

function userOfSession(stored: string): string | null {
  try {
    const { access_token: token } = JSON.parse(stored) as { access_token?: string }
    return token ? userOfToken(token) : null
  } catch {
    return null
  }
}

/** `sub` of a token whose signature the server checks. */
function userOfToken(token: string): string | null {
  const payload = token.split('.')[1] ?? ''
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  )
  const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: string }
  return sub ?? null
}
