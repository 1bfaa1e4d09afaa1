import { createHash, randomUUID } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { readProjectMigrations } from '@plinth/platform/project'
import { testDatabaseTypes, testIsolation, useTestDatabase } from '@plinth/testing'
import { eyemotion } from '../system.ts'

const test = useTestDatabase({
  system: 'eyemotion',
  migrations: readProjectMigrations(eyemotion).then((sets) => sets.slice(1)),
  queue: true,
})

const unique = () => createHash('sha256').update(randomUUID()).digest('hex')

testIsolation({
  system: eyemotion,
  test,
  values: {
    projects: { name: 'A film' },
    teams: { name: 'A team' },
    project_folders: { name: () => unique() },
    project_files: { processing_status: 'uploaded', version_group: () => randomUUID() },
    review_links: { token_hash: () => `\\x${unique()}` },
    subscription_plans: { currency: 'thb', name: () => unique() },
    user_subscriptions: { plan_id: 'e7e00000-0000-4000-8000-000000000000' },
    push_subscriptions: { kind: 'fcm' },
    payment_transactions: { currency: 'thb', status: 'completed' },
  },
  open: { subscription_plans: ['select'] },
  members: {
    viewer: ({ tenant, userId }) => sql`
      insert into public.project_members (project_id, user_id, member_id, role)
      select id, user_id, ${userId}, 'viewer' from public.projects where user_id = ${tenant}`,
    editor: ({ tenant, userId }) => sql`
      insert into public.project_members (project_id, user_id, member_id, role)
      select id, user_id, ${userId}, 'editor' from public.projects where user_id = ${tenant}`,
    'team member': ({ tenant, userId }) => sql`
      with joined as (
        insert into public.team_members (team_id, user_id, member_id) select id, user_id, ${userId} from public.teams where user_id = ${tenant})
      update public.projects p set team_id = t.id from public.teams t where t.user_id = p.user_id and p.user_id = ${tenant}`,
    admin: ({ userId }) => sql`update public.user_profiles set role = 'admin' where id = ${userId}`,
    suspended: ({ userId }) => sql`update public.user_profiles set suspended_at = now() where id = ${userId}`,
  },
  overseers: ['admin'],
})
testDatabaseTypes({ test })
