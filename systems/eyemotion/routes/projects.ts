import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { eyemotionErrors } from '../errors.ts'
import { defineRoute } from '../uses.ts'
import { anyObject, base, note, ofId, pageQuery, requireUser, run, userOr } from './api.ts'

const types = [
  'feature_film',
  'short_film',
  'commercial',
  'music_video',
  'documentary',
  'social_media',
  'other',
] as const
const statuses = ['draft', 'in_progress', 'review', 'completed', 'archived'] as const
const fields = {
  name: z.string().trim().min(1).max(200),
  description: z.string().max(10_000),
  type: z.enum(types),
  settings: anyObject,
  collaborationSettings: anyObject,
  tags: z.array(z.string().trim().min(1).max(100)).max(50),
  teamId: z.uuid().nullable(),
}
const projectAnswer = z.object({ project: anyObject })
type Project = z.output<typeof anyObject>

/** E-J1 */
export const createProject = defineRoute({
  method: 'POST',
  path: `${base}/projects`,
  summary: 'Begins a project.',
  access: userOr('projects:write'),
  body: z.object({ name: fields.name }).extend(z.object(fields).omit({ name: true }).partial().shape),
  responses: { 201: projectAnswer },
  handle: async (ctx, { body }) => {
    const user = requireUser(ctx)
    const { rows } = await ctx.db.query<{ project: Project }>(sql`
      insert into public.projects as p (user_id, team_id, name, description, type, settings, collaboration_settings, tags)
      values (${user}, ${body.teamId ?? null}, ${body.name}, ${body.description ?? ''}, ${body.type ?? 'other'},
        ${JSON.stringify(body.settings ?? {})}, ${JSON.stringify(body.collaborationSettings ?? {})}, ${body.tags ?? []})
      returning to_jsonb(p) as project`)
    await note(ctx, 'project.create', { type: 'project', id: String(rows[0]!.project.id) })
    return reply(201, rows[0]!)
  },
})

export const listProjects = defineRoute({
  method: 'GET',
  path: `${base}/projects`,
  summary: 'The user’s projects and those that they work on, the latest changed first.',
  access: userOr('projects:read'),
  query: pageQuery.extend({
    status: z.enum(statuses).optional(),
    type: z.enum(types).optional(),
    tag: z.string().max(100).optional(),
    search: z.string().max(200).optional(),
  }),
  responses: {
    200: z.object({ projects: z.array(anyObject), page: z.int(), limit: z.int(), total: z.int() }),
  },
  handle: async (ctx, { query: { page, limit, status, type, tag, search } }) => {
    requireUser(ctx)
    const { rows } = await ctx.db.query<{ projects: Project[]; total: number }>(
      sql`with found as (
          select * from public.projects where (${status ?? null}::text is null or status::text = ${status ?? null})
            and (${type ?? null}::text is null or type::text = ${type ?? null})
            and (${tag ?? null}::text is null or ${tag ?? null} = any (tags))
            and (${search ?? null}::text is null or strpos(lower(name || ' ' || description), lower(${search ?? null})) > 0))
        select (select count(*)::int from found) as total, coalesce((select jsonb_agg(to_jsonb(p) order by p.updated_at desc, p.id) from (
          select * from found order by updated_at desc, id limit ${limit} offset ${(page - 1) * limit}) p), '[]') as projects`,
      { readOnly: true },
    )
    return { ...rows[0]!, page, limit }
  },
})

export const showProject = defineRoute({
  method: 'GET',
  path: `${base}/projects/:id`,
  summary: 'A project.',
  access: userOr('projects:read'),
  params: ofId,
  responses: { 200: projectAnswer },
  handle: async (ctx, { params: { id } }) => {
    requireUser(ctx)
    const { rows } = await ctx.db.query<{ project: Project }>(
      sql`select to_jsonb(p) as project from public.projects p where id = ${id}`,
      { readOnly: true },
    )
    if (!rows[0]) throw eyemotionErrors.project_not_found()
    return rows[0]
  },
})

export const changeProject = defineRoute({
  method: ['PUT', 'PATCH'],
  path: `${base}/projects/:id`,
  summary: 'Changes a project; what is left out stays. States follow the table of docs/eyemotion.md.',
  access: userOr('projects:write'),
  params: ofId,
  body: z.object({ ...fields, status: z.enum(statuses) }).partial(),
  responses: { 200: projectAnswer },
  handle: async (ctx, { params: { id }, body }) => {
    const user = requireUser(ctx)
    await run(ctx, sql`select to_jsonb(private.require_project(${user}, ${id}, 'editor')) as answer`)
    const { rows } = await ctx.db.query<{ project: Project }>(sql`
      update public.projects p set name = coalesce(${body.name ?? null}, name), description = coalesce(${body.description ?? null}, description),
        type = coalesce(${body.type ?? null}, type), status = coalesce(${body.status ?? null}, status),
        settings = coalesce(${body.settings ? JSON.stringify(body.settings) : null}::jsonb, settings),
        collaboration_settings = coalesce(${body.collaborationSettings ? JSON.stringify(body.collaborationSettings) : null}::jsonb, collaboration_settings),
        tags = coalesce(${body.tags ?? null}::text[], tags),
        team_id = case when ${body.teamId === undefined} then team_id else ${body.teamId ?? null}::uuid end
      where id = ${id} returning to_jsonb(p) as project`)
    if (!rows[0]) throw eyemotionErrors.project_not_found()
    await note(ctx, 'project.update', { type: 'project', id, details: { changed: Object.keys(body) } })
    return rows[0]
  },
})

export const deleteProject = defineRoute({
  method: 'DELETE',
  path: `${base}/projects/:id`,
  summary: 'Deletes a project with its files. Credits that were burned stay burned.',
  access: userOr('projects:write'),
  params: ofId,
  responses: { 200: z.object({ deleted: z.literal(true) }) },
  handle: async (ctx, { params: { id } }) => {
    const user = requireUser(ctx)
    await run(ctx, sql`select to_jsonb(private.require_project(${user}, ${id}, 'owner')) as answer`)
    await ctx.db.query(sql`delete from public.projects where id = ${id}`)
    await note(ctx, 'project.delete', { type: 'project', id })
    return { deleted: true as const }
  },
})

/** E-J2 */
export const listFiles = defineRoute({
  method: 'GET',
  path: `${base}/projects/:id/files`,
  summary:
    'The files of a project, the latest first: all, of a folder, with a tag, or whose name holds a text.',
  access: userOr('files:read'),
  params: ofId,
  query: pageQuery.extend({
    folder: z.uuid().optional(),
    tag: z.string().max(100).optional(),
    search: z.string().max(200).optional(),
    status: z.enum(['pending', 'pending_upload', 'uploaded', 'processing', 'ready', 'error']).optional(),
    /** Only the latest version of each. */
    latest: z.stringbool().default(false),
  }),
  responses: { 200: z.object({ files: z.array(anyObject), page: z.int(), limit: z.int(), total: z.int() }) },
  handle: async (ctx, { params: { id }, query: { page, limit, folder, tag, search, status, latest } }) => {
    const user = requireUser(ctx)
    await run(ctx, sql`select to_jsonb(private.require_project(${user}, ${id}, 'viewer')) as answer`)
    const { rows } = await ctx.db.query<{ files: Project[]; total: number }>(
      sql`with found as (
          select * from public.project_files f where project_id = ${id}
            and (${folder ?? null}::uuid is null or folder_id = ${folder ?? null})
            and (${tag ?? null}::text is null or ${tag ?? null} = any (tags))
            and (${search ?? null}::text is null or strpos(lower(filename), lower(${search ?? null})) > 0)
            and (${status ?? null}::text is null or processing_status::text = ${status ?? null})
            and (not ${latest}::boolean or not exists (
              select from public.project_files n where n.version_group = f.version_group and n.version > f.version)))
        select (select count(*)::int from found) as total, coalesce((select jsonb_agg(to_jsonb(p) - 'storage_path' order by p.created_at desc, p.id) from (
          select * from found order by created_at desc, id limit ${limit} offset ${(page - 1) * limit}) p), '[]') as files`,
      { readOnly: true },
    )
    return { ...rows[0]!, page, limit }
  },
})

export const addMember = defineRoute({
  method: 'POST',
  path: `${base}/projects/:id/members`,
  summary: 'Lets somebody who has an account work on a project, or gives them another role.',
  access: 'user',
  limit: { calls: 60, seconds: 3_600 },
  params: ofId,
  body: z.object({
    email: z.string().min(3).max(320),
    role: z.enum(['viewer', 'commenter', 'editor']).default('viewer'),
  }),
  responses: { 200: z.object({ member: anyObject }) },
  handle: async (ctx, { params: { id }, body: { email, role } }) => {
    const member = await run<Project>(
      ctx,
      sql`select to_jsonb(private.add_member(${requireUser(ctx)}, ${id}, ${email}, ${role})) as answer`,
    )
    await note(ctx, 'project.member', { type: 'project', id, details: { member: member.member_id, role } })
    return { member }
  },
})

export const addTeamMember = defineRoute({
  method: 'POST',
  path: `${base}/teams/:id/members`,
  summary: 'Lets somebody who has an account into a team, or gives them another role.',
  access: 'user',
  limit: { calls: 60, seconds: 3_600 },
  params: ofId,
  body: z.object({
    email: z.string().min(3).max(320),
    role: z.enum(['member', 'manager']).default('member'),
  }),
  responses: { 200: z.object({ member: anyObject }) },
  handle: async (ctx, { params: { id }, body: { email, role } }) => {
    const member = await run<Project>(
      ctx,
      sql`select to_jsonb(private.add_team_member(${requireUser(ctx)}, ${id}, ${email}, ${role})) as answer`,
    )
    await note(ctx, 'team.member', { type: 'team', id, details: { member: member.member_id, role } })
    return { member }
  },
})

const signedSeconds = 3_600

/** E-X2 */
export const exportProject = defineRoute({
  method: 'POST',
  path: `${base}/projects/:id/exports`,
  summary:
    'Writes what is known of a project into the bucket eyemotion-exports, and gives an address to fetch it for an hour.',
  access: userOr('projects:read'),
  limit: { calls: 30, seconds: 3_600 },
  params: ofId,
  responses: { 201: z.object({ exportId: z.uuid(), downloadUrl: z.string(), bytes: z.int() }) },
  handle: async (ctx, { params: { id } }) => {
    const user = requireUser(ctx)
    await run(ctx, sql`select private.require_flag('storageEnabled')::text as answer`)
    const project = await run<{ user_id: string }>(
      ctx,
      sql`select to_jsonb(private.require_project(${user}, ${id}, 'editor')) as answer`,
    )
    const document = await run<object>(ctx, sql`select private.project_document(${id}) as answer`)
    const exportId = randomUUID()
    const path = `${project.user_id}/${id}/${exportId}.json`
    const bucket = ctx.files
      .as(ctx.asService('exports are written for members too'))
      .bucket('eyemotion-exports')
    const { size } = await bucket.upload(path, JSON.stringify(document, null, 2), {
      contentType: 'application/json',
      cacheControl: 'private, no-store',
    })
    await run(
      ctx,
      sql`select private.note_export(${user}, ${id}, ${exportId}, ${path}, ${size}, ${ctx.clock.now()})::text as answer`,
    )
    await note(ctx, 'project.export', { type: 'project', id, details: { export: exportId } })
    return reply(201, { exportId, downloadUrl: await bucket.signUrl(path, signedSeconds), bytes: size })
  },
})

const tokenText = z.string().regex(/^[\w-]{43}$/)
const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest()

export const createReviewLink = defineRoute({
  method: 'POST',
  path: `${base}/projects/:id/review-links`,
  summary:
    'Makes an address that opens a project to whoever has it, for a time. The token is given this once.',
  access: userOr('projects:write'),
  params: ofId,
  body: z.object({ hours: z.int().min(1).max(8_760).default(168), canComment: z.boolean().default(true) }),
  responses: {
    201: z.object({ id: z.uuid(), token: tokenText, path: z.string(), expiresAt: z.iso.datetime() }),
  },
  handle: async (ctx, { params: { id }, body: { hours, canComment } }) => {
    const user = requireUser(ctx)
    const project = await run<{ user_id: string }>(
      ctx,
      sql`select to_jsonb(private.require_project(${user}, ${id}, 'editor')) as answer`,
    )
    const token = randomBytes(32).toString('base64url')
    const now = ctx.clock.now()
    const expiresAt = new Date(now.getTime() + hours * 3_600_000)
    const { rows } = await ctx.asService('links are made for editors').query<{ id: string }>(sql`
      insert into public.review_links (project_id, user_id, token_hash, can_comment, created_by, expires_at, created_at)
      values (${id}, ${project.user_id}, ${hashToken(token)}, ${canComment}, ${user}, ${expiresAt}, ${now}) returning id`)
    await note(ctx, 'project.review_link', { type: 'project', id, details: { link: rows[0]!.id, hours } })
    const path = `${base}/reviews/${token}`
    return reply(201, { id: rows[0]!.id, token, path, expiresAt: expiresAt.toISOString() })
  },
})

export const revokeReviewLink = defineRoute({
  method: 'DELETE',
  path: `${base}/projects/:id/review-links/:link`,
  summary: 'Ends a review link at once.',
  access: userOr('projects:write'),
  params: ofId.extend({ link: z.uuid() }),
  responses: { 200: z.object({ revoked: z.boolean() }) },
  handle: async (ctx, { params: { id, link } }) => {
    const user = requireUser(ctx)
    await run(ctx, sql`select to_jsonb(private.require_project(${user}, ${id}, 'editor')) as answer`)
    const { rowCount } = await ctx.asService('links are ended by editors').query(sql`
      update public.review_links set revoked_at = ${ctx.clock.now()} where id = ${link} and project_id = ${id} and revoked_at is null`)
    await note(ctx, 'project.review_link.revoke', { type: 'project', id, details: { link } })
    return { revoked: rowCount === 1 }
  },
})

export const openReview = defineRoute({
  method: 'GET',
  path: `${base}/reviews/:token`,
  summary:
    'A project as a guest of a review link sees it: the latest versions with addresses to watch them, and what was said.',
  access: 'public',
  params: z.object({ token: tokenText }),
  responses: {
    200: z.object({
      project: z.object({ name: z.string(), status: z.string() }),
      canComment: z.boolean(),
      expiresAt: z.string(),
      files: z.array(anyObject),
      comments: z.array(anyObject),
    }),
  },
  handle: async (ctx, { params: { token } }) => {
    const service = ctx.asService('a guest has the token of a review link')
    await run(ctx, sql`select private.require_flag('storageEnabled')::text as answer`)
    const link = await run<{ project_id: string; can_comment: boolean; expires_at: string }>(
      ctx,
      sql`select to_jsonb(private.open_review(${hashToken(token)}, ${ctx.clock.now()})) as answer`,
    )
    const { rows } = await service.query<{
      project: { name: string; status: string }
      files: (Project & { storage_path: string })[]
      comments: Project[]
    }>(
      sql`select jsonb_build_object('name', p.name, 'status', p.status) as project,
          (select coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'filename', f.filename, 'file_type', f.file_type, 'file_size', f.file_size,
              'version', f.version, 'approval', f.approval, 'duration', f.duration, 'fps', f.fps, 'storage_path', f.storage_path) order by f.created_at desc), '[]')
            from public.project_files f where f.project_id = p.id and f.processing_status <> 'pending_upload'
              and not exists (select from public.project_files n where n.version_group = f.version_group and n.version > f.version
                and n.processing_status <> 'pending_upload')) as files,
          (select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'file_id', c.file_id, 'author_name', c.author_name, 'frame', c.frame,
              'body', c.body, 'resolved_at', c.resolved_at, 'created_at', c.created_at) order by c.file_id, c.frame, c.created_at), '[]')
            from public.file_comments c where c.project_id = p.id) as comments
        from public.projects p where p.id = ${link.project_id}`,
      { readOnly: true },
    )
    const { project, files, comments } = rows[0]!
    const bucket = ctx.files.as(service).bucket('eyemotion-projects')
    const shown = files.map(async ({ storage_path, ...file }) => ({
      ...file,
      url: await bucket.signUrl(storage_path, signedSeconds),
    }))
    return {
      project,
      canComment: link.can_comment,
      expiresAt: link.expires_at,
      files: (await Promise.all(shown)) as Project[],
      comments,
    }
  },
})

export const commentAsGuest = defineRoute({
  method: 'POST',
  path: `${base}/reviews/:token/comments`,
  summary: 'What a guest of a review link says of a frame.',
  access: 'public',
  limit: { calls: 60, seconds: 60 },
  params: z.object({ token: tokenText }),
  body: z.object({
    fileId: z.uuid(),
    frame: z
      .int()
      .min(0)
      .max(2 ** 40)
      .default(0),
    name: z.string().trim().min(1).max(200),
    body: z.string().trim().min(1).max(10_000),
  }),
  responses: { 201: z.object({ id: z.uuid() }) },
  handle: async (ctx, { params: { token }, body: { fileId, frame, name, body } }) => {
    const made = await run<{ id: string; user_id: string }>(
      ctx,
      sql`select to_jsonb(private.comment_as_guest(${hashToken(token)}, ${fileId}, ${frame}, ${name}, ${body}, ${ctx.clock.now()})) as answer`,
    )
    await note(ctx, 'file.guest_comment', { type: 'file', id: fileId, details: { comment: made.id } })
    return reply(201, { id: made.id })
  },
})
