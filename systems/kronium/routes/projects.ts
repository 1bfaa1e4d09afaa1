import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { kroniumErrors } from '../errors.ts'
import { contains, Filter, pageOf, pageQuery, readPage, tagged, wantedTag } from '../rows/pages.ts'
import { contact, project } from '../rows/schemas.ts'
import { changeRow, insertRow, readRow } from '../rows/write-rows.ts'
import { defineRoute } from '../uses.ts'

const params = z.object({ id: z.uuid() })
const missing = kroniumErrors.unknown_project

export const listProjects = defineRoute({
  method: 'GET',
  path: '/projects',
  summary: 'The projects that the caller may see: own ones, assigned ones, all.',
  access: 'user',
  query: z.object({
    ...pageQuery,
    status: project.shape.status.optional(),
    customerId: z.uuid().optional(),
    staffId: z.uuid().optional(),
    q: z.string().min(1).max(100).optional(),
  }),
  responses: { 200: pageOf(project), 304: null },
  handle: async (context, { query: { page, limit, status, customerId, staffId, q } }) => {
    const filter = new Filter()
      .where('t.status = ?', status)
      .where('t."customerId" = ?', customerId)
      .where('t."staffId" = ?', staffId)
      .where('(t.title ilike ? or t."clientName" ilike ?)', contains(q))
    const order = 't."createdAt" desc, t.id'
    return tagged(context, await readPage(context.db, { table: 'projects', filter, order, page, limit }))
  },
})

export const showProject = defineRoute({
  method: 'GET',
  path: '/projects/:id',
  summary: 'A project with what was told of it.',
  access: 'user',
  params,
  responses: { 200: project, 304: null },
  handle: async (context, { params: { id } }) => {
    const { row, tag } = await readRow(context.db, 'projects', id, missing)
    return tagged(context, row, tag)
  },
})

const described = {
  title: z.string().min(1).max(255),
  description: z.string().max(20_000).optional(),
  clientName: contact.name.optional(),
  clientEmail: contact.email.nullable().optional(),
  clientPhone: contact.phone.nullable().optional(),
  location: z.string().max(2_000).nullable().optional(),
  status: project.shape.status.optional(),
  progress: z.number().min(0).max(100).optional(),
  customerId: z.uuid().nullable().optional(),
  staffId: z.uuid().nullable().optional(),
}

export const createProject = defineRoute({
  method: 'POST',
  path: '/projects',
  summary: 'Opens a project; one that a client opens waits for the staff.',
  access: 'user',
  body: z.object({ id: z.uuid().optional(), ...described }),
  responses: { 201: project, 200: project },
  handle: async (context, { body }) => {
    const made = await insertRow(context.db, 'projects', body)
    context.setHeader('etag', `"${made.tag}"`)
    return reply(made.isNew ? 201 : 200, made.row)
  },
})

interface Change {
  readonly id: string
  readonly changes: Readonly<Record<string, unknown>>
  readonly tag: string | null
}

/** Changes a project. One of which something is told by the change is read again: it is in its updates then. */
async function change(db: Pick<ScopedDatabase, 'query'>, { id, changes, tag }: Change) {
  const changed = await changeRow(db, { table: 'projects', id, changes, tag, missing })
  const isTold = changes['progress'] !== undefined || changes['status'] !== undefined
  return isTold ? readRow(db, 'projects', id, missing) : changed
}

export const updateProject = defineRoute({
  method: 'PUT',
  path: '/projects/:id',
  summary: 'Describes a project or moves it on; a message is added to what was told.',
  access: 'user',
  params,
  body: z.object({
    ...described,
    title: described.title.optional(),
    /** Told to the client, in the same change. */
    message: z.string().min(1).max(10_000).optional(),
  }),
  responses: { 200: project },
  handle: async (context, { params: { id }, body: { message, ...changes } }) => {
    const wanted = { id, changes, tag: wantedTag(context.request) }
    // The message is told if and when the change is made.
    const changed =
      message === undefined
        ? await change(context.db, wanted)
        : await context.db.transaction(async (transaction) => {
            await change(transaction, wanted)
            await transaction.query(
              sql`insert into public.project_updates ("projectId", message) values (${id}, ${message})`,
            )
            return readRow(transaction, 'projects', id, missing)
          })
    context.setHeader('etag', `"${changed.tag}"`)
    return changed.row
  },
})

export const updateProgress = defineRoute({
  method: 'PUT',
  path: '/projects/:id/progress',
  summary: 'Says how far a project is, in per cent; the client is told.',
  access: 'user',
  params,
  body: z.object({ progress: z.number().min(0).max(100) }),
  responses: { 200: project },
  handle: async (context, { params: { id }, body: changes }) => {
    const changed = await change(context.db, { id, changes, tag: wantedTag(context.request) })
    context.setHeader('etag', `"${changed.tag}"`)
    return changed.row
  },
})

const update = z.object({
  id: z.uuid(),
  projectId: z.uuid(),
  seq: z.int(),
  authorId: z.uuid().nullable(),
  authorName: z.string(),
  kind: z.enum(['note', 'progress', 'status', 'media']),
  message: z.string(),
  data: z.unknown(),
  internal: z.boolean(),
  createdAt: z.string(),
})

export const addProjectUpdate = defineRoute({
  method: 'POST',
  path: '/projects/:id/updates',
  summary: 'Tells something of a project: to its client, or (internal) to the staff only.',
  access: 'user',
  params,
  body: z.object({
    id: z.uuid().optional(),
    message: z.string().min(1).max(10_000),
    internal: z.boolean().default(false),
  }),
  responses: { 201: update, 200: update },
  handle: async ({ db }, { params: { id: projectId }, body }) => {
    await readRow(db, 'projects', projectId, missing)
    const made = await insertRow(db, 'project_updates', { ...body, projectId })
    return reply(made.isNew ? 201 : 200, made.row)
  },
})

const media = z.object({
  path: z.string(),
  type: z.string(),
  url: z.string(),
  /** Of pictures: 320 pixels wide. */
  thumbnailUrl: z.string().nullable(),
})

/** Seconds for which an address of a file opens it. */
const linkSeconds = 3_600
const bucket = 'media'

export const addProjectMedia = defineRoute({
  method: 'POST',
  path: '/projects/:id/media',
  summary: 'Adds a file that was uploaded to the bucket media, below project_media/<project>/.',
  access: 'user',
  params,
  body: z.object({ path: z.string().min(1).max(500) }),
  responses: { 200: z.object({ mediaUrls: z.array(z.unknown()) }) },
  handle: async ({ db, files }, { params: { id }, body: { path } }) => {
    await readRow(db, 'projects', id, missing)
    if (!path.startsWith(`project_media/${id}/`)) throw missing({ id })
    const { contentType } = await files.bucket(bucket).info(path)
    const { rows } = await db.query<{ media: unknown[] }>(
      sql`select public.add_project_media(${id}, ${JSON.stringify({ path, type: contentType })}) as media`,
    )
    return { mediaUrls: rows[0]!.media }
  },
})

export const listProjectMedia = defineRoute({
  method: 'GET',
  path: '/projects/:id/media',
  summary: 'The files of a project, with addresses that open them for an hour, and thumbnails of pictures.',
  access: 'user',
  params,
  responses: { 200: z.object({ items: z.array(media) }) },
  handle: async ({ db, files }, { params: { id } }) => {
    const { row } = await readRow(db, 'projects', id, missing)
    const kept = z
      .array(z.object({ path: z.string(), type: z.string() }))
      .catch([])
      .parse((row as { mediaUrls: unknown }).mediaUrls)
    const store = files.bucket(bucket)
    const items = await Promise.all(
      kept.map(async ({ path, type }) => ({
        path,
        type,
        url: await store.signUrl(path, linkSeconds),
        thumbnailUrl: type.startsWith('image/')
          ? await store.signUrl(path, linkSeconds, { width: 320, height: 320, resize: 'contain' })
          : null,
      })),
    )
    return { items }
  },
})
