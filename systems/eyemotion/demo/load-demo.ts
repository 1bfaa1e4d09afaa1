import type { Demo } from '@plinth/platform/system'

const people = {
  studio: { email: 'studio@demo.example', password: 'demo-studio-2026' },
  editor: { email: 'editor@demo.example', password: 'demo-editor-2026' },
  admin: { email: 'admin@demo.example', password: 'demo-admin-2026' },
} as const

const id = (n: number) => `de300000-0000-4000-8000-${String(3_000 + n).padStart(12, '0')}`

/** A studio with three projects, an editor who works on one, and an admin. Loading it again changes nothing. */
export const loadDemo: Demo = async ({ openSession, createUser, url }) => {
  const [studio, editor, admin] = await Promise.all(
    [people.studio, people.editor, people.admin].map(({ email, password }) => createUser(email, password)),
  )
  const session = await openSession()
  try {
    await session.transaction({ reason: 'demonstration' }, async () => {
      await session.query(
        `update public.user_profiles p set full_name = d.name, company_name = d.company, role = d.role::public.user_role
         from (values ($1::uuid, 'Somchai Studio', 'Somchai Films', 'user'), ($2::uuid, 'Edith', null, 'user'), ($3::uuid, 'Anong', null, 'super_admin'))
           d (id, name, company, role) where p.id = d.id`,
        [studio, editor, admin],
      )
      await session.query(
        `insert into public.projects (id, user_id, name, description, type, status, tags)
         select d.id, $1, d.name, d.description, d.type::public.project_type, d.status::public.project_status, d.tags
         from (values ($2::uuid, 'Night Train', 'A train that never arrives.', 'short_film', 'in_progress', '{noir,2026}'::text[]),
           ($3::uuid, 'Mango Season', 'Ten minutes on an orchard.', 'documentary', 'review', '{orchard}'),
           ($4::uuid, 'Soda', 'Thirty seconds.', 'commercial', 'completed', '{client}')) d (id, name, description, type, status, tags)
         on conflict (id) do nothing`,
        [studio, id(1), id(2), id(3)],
      )
      await session.query(
        `insert into public.project_folders (id, project_id, user_id, name)
         select f.id, $2, $1, f.name from (values ($3::uuid, 'Rushes'), ($4::uuid, 'Sound')) f (id, name) on conflict (id) do nothing`,
        [studio, id(1), id(4), id(5)],
      )
      await session.query(
        `insert into public.project_members (project_id, user_id, member_id, role) values ($2, $1, $3, 'editor') on conflict do nothing`,
        [studio, id(1), editor],
      )
      await session.query(`select private.grant_credits($1, 'given demo', 500)`, [studio])
    })
  } finally {
    await session.close()
  }
  const signIn = JSON.stringify({ email: people.studio.email, password: people.studio.password })
  return {
    tryNext: [
      `curl -s ${url}/make-server-7dc8476e/auth/signin -H 'content-type: application/json' -d '${signIn}'`,
      `curl -s ${url}/make-server-7dc8476e/health`,
    ],
  }
}
