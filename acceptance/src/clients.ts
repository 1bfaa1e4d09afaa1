import { randomUUID } from 'node:crypto'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import type { SystemStatus } from './start-plinth.ts'

/** A supabase-js client as an app makes it, with its session in memory. */
export const connect = ({ api_url, anon_key }: SystemStatus): SupabaseClient =>
  createClient(api_url, anon_key)

/** A client with the service key, as a trusted server makes it. */
export const connectAsService = ({ api_url, service_role_key }: SystemStatus): SupabaseClient =>
  createClient(api_url, service_role_key, { auth: { persistSession: false, autoRefreshToken: false } })

/** Signs a new user up and gives the client that is signed in as them. */
export async function signUp(system: SystemStatus, name: string) {
  const client = connect(system)
  const email = `${name}-${randomUUID().slice(0, 8)}@example.test`
  const password = `password of ${name}`
  const { data, error } = await client.auth.signUp({
    email,
    password,
    options: { data: { full_name: name } },
  })
  if (error || !data.user) throw error ?? new Error('no user')
  return { client, email, password, userId: data.user.id }
}

interface Answer {
  readonly data: unknown
  readonly error: { readonly message: string } | null
}

/** The data of an answer that must have come without an error. */
export function must<A extends Answer>({ data, error }: A): NonNullable<Extract<A, { error: null }>['data']> {
  if (error) throw new Error(error.message, { cause: error })
  if (data === null || data === undefined) throw new Error('The answer was empty.')
  return data as NonNullable<Extract<A, { error: null }>['data']>
}
