import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

export const welcomeUser = defineJob({
  name: 'welcome-user',
  summary: 'Welcomes somebody who has made an account.',
  payload: z.object({ user: z.uuid() }),
  run: async ({ db, notifications }, { user }) => {
    const { rows } = await db.query<{ name: string; simpleId: string; email: string | null }>(
      sql`select name, "simpleId", email from public.users where id = ${user}`,
      { readOnly: true },
    )
    const [person] = rows
    if (!person) return
    await notifications.send({
      to: { person: user },
      channels: person.email === null ? ['in_app'] : ['email', 'in_app'],
      template: 'welcome',
      variables: { name: person.name, simpleId: person.simpleId },
      dedupeKey: `welcome/${user}`,
    })
  },
})

interface News {
  readonly kind: 'note' | 'progress' | 'status' | 'media'
  readonly message: string
  readonly data: { readonly to?: unknown }
  readonly title: string
  readonly progress: number
  readonly clientName: string
  readonly clientEmail: string | null
  readonly customerId: string | null
  readonly authorId: string | null
}

export const tellProject = defineJob({
  name: 'tell-project',
  summary: 'Tells a client what was told of a project.',
  payload: z.object({ update: z.uuid() }),
  run: async ({ db, notifications }, { update }) => {
    const { rows } = await db.query<News>(
      sql`select u.kind, u.message, u.data, u."authorId", p.title, p.progress::float8 as progress, p."clientName", p."clientEmail", p."customerId"
          from public.project_updates u join public.projects p on p.id = u."projectId" where u.id = ${update}`,
      { readOnly: true },
    )
    const [news] = rows
    if (!news || (news.customerId === null && !news.clientEmail) || news.authorId === news.customerId) return
    const { customerId: person, clientEmail: email } = news
    await notifications.send({
      to: person === null ? { email: email! } : { person },
      channels: person === null ? ['email'] : ['email', 'in_app'],
      template: 'project-update',
      variables: {
        name: news.clientName,
        title: news.title,
        message: sayNews(news),
        progress: news.progress,
      },
      dedupeKey: `project/${update}`,
    })
  },
})

const sayNews = ({ kind, message, data }: News): string =>
  kind === 'progress'
    ? `The project has moved on to ${data.to} %.`
    : kind === 'status'
      ? `The project is now: ${data.to}.`
      : message
