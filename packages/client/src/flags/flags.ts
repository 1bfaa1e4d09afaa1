import type { SupabaseClient } from '@supabase/supabase-js'
import { callPlatform } from '../call-platform.ts'

/** The public flags of a system, as they are for whoever is signed in. */
export interface ClientFlags {
  /** False for a flag that is not there. */
  isOn(flag: string): Promise<boolean>
  all(): Promise<Readonly<Record<string, boolean>>>
}

export function clientFlags(client: Pick<SupabaseClient, 'functions'>): ClientFlags {
  const all = () => callPlatform<Readonly<Record<string, boolean>>>(client, 'flags/v1', {})
  return {
    all,
    isOn: async (flag) => {
      const flags = await all()
      return Object.hasOwn(flags, flag) && flags[flag] === true
    },
  }
}
