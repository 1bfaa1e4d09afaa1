import type { TestSystem } from '@plinth/testing/system'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import type { Caller } from '../../database/index.ts'
import { createApp, createProjectDirectory, type Listening, listen } from '../../http/index.ts'
import { silentLog } from '../../kernel/index.ts'
import { defineSystem, type SystemDeclaration } from '../../system/index.ts'
import { storage, type storage as storageCapability } from '../index.ts'

type Settings = Parameters<typeof storageCapability>[0]

const policies = `
  create policy "people read what is theirs" on storage.objects for select to authenticated
    using (bucket_id in ('mine', 'avatars', 'sealed') and (storage.foldername(name))[1] = (select auth.uid())::text);
  create policy "people upload what is theirs" on storage.objects for insert to authenticated
    with check (bucket_id in ('mine', 'avatars', 'sealed') and (storage.foldername(name))[1] = (select auth.uid())::text);
  create policy "people overwrite what is theirs" on storage.objects for update to authenticated
    using (bucket_id in ('mine', 'avatars', 'sealed') and owner_id = (select auth.uid())::text);
  create policy "people remove what is theirs" on storage.objects for delete to authenticated
    using (owner_id = (select auth.uid())::text);
  insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
    ('mine', 'mine', false, null, null),
    ('avatars', 'avatars', true, 100000, '{image/*}'),
    ('sealed', 'sealed', false, null, null),
    ('closed', 'closed', false, null, null);
  create table public.shops (id text primary key);
  alter table public.shops enable row level security;
  create table public.goods (id text primary key, shop_id text not null);
  alter table public.goods enable row level security;`

/** A system with a few buckets; people have what lies below a folder of their id. */
export const filesSystem = (settings: Settings = {}): SystemDeclaration =>
  defineSystem({
    name: 'files',
    summary: 'Files for tests.',
    tenant: { table: 'shops', column: 'shop_id' },
    uses: [storage({ encryptedBuckets: ['sealed'], tenantFolders: true, ...settings })],
    migrations: async () => ({
      name: 'files',
      migrations: [{ name: '001_files', sql: policies, checksum: policies }],
    }),
    functions: [],
    jobs: [],
    realtimeTables: [],
    journalledTables: [],
  })

export interface ServedStorage extends Listening {
  readonly url: string
  /** supabase-js as an app makes it. */
  as(who: 'anon' | 'service' | (Caller & { readonly userId: string })): Promise<SupabaseClient>
  /** Headers of such a client. */
  headersOf(who: 'anon' | 'service' | (Caller & { readonly userId: string })): Promise<Record<string, string>>
}

/** Serves a system over HTTP, as the server does. */
export async function serveStorage(system: TestSystem): Promise<ServedStorage> {
  const { project, clock } = system
  const app = createApp({ directory: createProjectDirectory([project]), health: [], clock, log: silentLog })
  const listening = await listen({ app, host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${listening.port}/${project.name}`
  const tokenOf = async (who: 'anon' | 'service' | Caller) => {
    if (who === 'service') return project.keys.serviceRoleKey
    if (who === 'anon') return project.keys.anonKey
    const now = Math.floor(clock.now().getTime() / 1_000)
    return project.keys.sign({ ...who.claims, iat: now, exp: now + 3_600 })
  }
  return {
    ...listening,
    url,
    as: async (who) => {
      const key = who === 'service' ? project.keys.serviceRoleKey : project.keys.anonKey
      const token = await tokenOf(who)
      return createClient(url, key, {
        global: { headers: { authorization: `Bearer ${token}` } },
        auth: { persistSession: false, autoRefreshToken: false },
      })
    },
    headersOf: async (who) => ({
      apikey: who === 'service' ? project.keys.serviceRoleKey : project.keys.anonKey,
      authorization: `Bearer ${await tokenOf(who)}`,
    }),
  }
}
