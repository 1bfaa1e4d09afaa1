import { sql } from '@plinth/platform/database'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { eyemotionErrors } from '../errors.ts'
import { timecodeOf } from '../timecode.ts'
import { type Api, defineRoute } from '../uses.ts'
import { anyObject, base, note, ofId, requireFlag, requireUser, run, userOr } from './api.ts'

type File = z.output<typeof anyObject>
interface FileRow {
  readonly id: string
  readonly user_id: string
  readonly project_id: string
  readonly storage_path: string
  readonly processing_status: string
  readonly credits_cost: number
  readonly expires_at: string | null
  readonly version_group: string
}

const bucketName = 'eyemotion-projects'
const signedSeconds = 3_600
/** An upload has to be complete and confirmed in this time; as long as storage keeps resumable ones. */
const uploadHours = 24

const uploadAnswer = z.object({
  /** Takes the whole file by PUT, within two hours. */
  uploadUrl: z.string(),
  fileId: z.uuid(),
  creditsNeeded: z.int(),
  /** For resumable uploads (tus) at `resumableUrl`: `bucketName` and `objectName` of Upload-Metadata. */
  resumableUrl: z.string(),
  bucket: z.string(),
  path: z.string(),
  token: z.string(),
  expiresAt: z.string(),
})

async function offerUpload(ctx: Api, file: FileRow): Promise<z.input<typeof uploadAnswer>> {
  const { url, token } = await signer(ctx).signUpload(file.storage_path)
  return {
    uploadUrl: url,
    fileId: file.id,
    creditsNeeded: Number(file.credits_cost),
    resumableUrl: `${ctx.studio.url}/storage/v1/upload/resumable`,
    bucket: bucketName,
    path: file.storage_path,
    token,
    expiresAt: String(file.expires_at),
  }
}

/** The files of all projects; the system’s SQL has said whose they are. */
const signer = (ctx: Api) =>
  ctx.files.as(ctx.asService('the role in the project was checked')).bucket(bucketName)

/** E-J3 */
export const requestUpload = defineRoute({
  method: 'POST',
  path: `${base}/files/upload-url`,
  summary: 'Reserves credits (10 for each GiB) and room, and gives an address to upload to.',
  access: userOr('files:write'),
  body: z.object({
    projectId: z.uuid(),
    fileName: z.string().trim().min(1).max(255),
    /** Bytes. */
    fileSize: z.int().min(1),
    fileType: z.string().trim().min(1).max(255),
    folderId: z.uuid().optional(),
    versionOf: z.uuid().optional(),
  }),
  responses: { 201: uploadAnswer },
  handle: async (ctx, { body: { projectId, fileName, fileSize, fileType, folderId, versionOf } }) => {
    await requireFlag(ctx.flags, 'storageEnabled')
    const user = requireUser(ctx)
    const now = ctx.clock.now()
    const until = new Date(now.getTime() + uploadHours * 3_600_000)
    const file = await run<FileRow>(
      ctx,
      sql`select to_jsonb(private.request_upload(${user}, ${projectId}, ${fileName}, ${fileSize}, ${fileType}, ${folderId ?? null},
        ${versionOf ?? null}, ${until}, ${now})) as answer`,
    )
    await note(ctx, 'file.upload_url', { type: 'file', id: file.id, details: { bytes: fileSize } })
    return reply(201, await offerUpload(ctx, file))
  },
})

/** The address of an upload that takes longer than its first one was good for. */
export const uploadUrlOf = defineRoute({
  method: 'POST',
  path: `${base}/files/:id/upload-url`,
  summary: 'A new address for an upload that is not complete.',
  access: userOr('files:write'),
  params: ofId,
  responses: { 200: uploadAnswer },
  handle: async (ctx, { params: { id } }) => {
    await requireFlag(ctx.flags, 'storageEnabled')
    const file = await requireFile(ctx, id, 'editor')
    if (file.processing_status !== 'pending_upload') throw eyemotionErrors.file_not_found()
    return offerUpload(ctx, file)
  },
})

const requireFile = (ctx: Api, id: string, role: string) =>
  run<FileRow>(ctx, sql`select to_jsonb(private.require_file(${requireUser(ctx)}, ${id}, ${role})) as answer`)

const fileAnswer = z.object({ file: anyObject })
const publicFile = ({ storage_path: _, ...file }: File): File => file

/** E-J4 */
export const confirmUpload = defineRoute({
  method: 'POST',
  path: `${base}/files/:id/confirm`,
  summary: 'Settles an upload at its true size: the credits are burned, and the file belongs to the project.',
  access: userOr('files:write'),
  params: ofId,
  responses: { 200: fileAnswer },
  handle: async (ctx, { params: { id } }) => {
    const file = await run<File>(
      ctx,
      sql`select to_jsonb(private.confirm_upload(${requireUser(ctx)}, ${id}, ${ctx.clock.now()})) as answer`,
    )
    await note(ctx, 'file.confirm', { type: 'file', id, details: { bytes: file.file_size ?? 0 } })
    return { file: publicFile(file) }
  },
})

export const showFile = defineRoute({
  method: 'GET',
  path: `${base}/files/:id`,
  summary: 'A file.',
  access: userOr('files:read'),
  params: ofId,
  responses: { 200: fileAnswer },
  handle: async (ctx, { params: { id } }) => ({
    file: publicFile((await requireFile(ctx, id, 'viewer')) as unknown as File),
  }),
})

export const downloadFile = defineRoute({
  method: 'GET',
  path: `${base}/files/:id/download`,
  summary: 'An address at which a file can be fetched for an hour, in pieces too.',
  access: userOr('files:read'),
  params: ofId,
  responses: { 200: z.object({ url: z.string(), expiresIn: z.int() }) },
  handle: async (ctx, { params: { id } }) => {
    await requireFlag(ctx.flags, 'storageEnabled')
    const file = await requireFile(ctx, id, 'viewer')
    if (file.processing_status === 'pending_upload') throw eyemotionErrors.upload_missing()
    const url = await signer(ctx).signUrl(file.storage_path, signedSeconds)
    await note(ctx, 'file.download', { type: 'file', id })
    return { url, expiresIn: signedSeconds }
  },
})

export const changeFile = defineRoute({
  method: ['PUT', 'PATCH'],
  path: `${base}/files/:id`,
  summary: 'Names a file, puts it into a folder, tags it; what is left out stays.',
  access: userOr('files:write'),
  params: ofId,
  body: z
    .object({
      fileName: z.string().trim().min(1).max(255),
      folderId: z.uuid().nullable(),
      tags: z.array(z.string().trim().min(1).max(100)).max(50),
    })
    .partial(),
  responses: { 200: fileAnswer },
  handle: async (ctx, { params: { id }, body }) => {
    const { project_id } = await requireFile(ctx, id, 'editor')
    if (body.folderId) {
      const { rowCount } = await ctx.db.query(
        sql`select from public.project_folders where id = ${body.folderId} and project_id = ${project_id}`,
        { readOnly: true },
      )
      if (rowCount === 0) throw eyemotionErrors.folder_not_found()
    }
    const { rows } = await ctx.db.query<{ file: File }>(sql`
      update public.project_files f set filename = coalesce(${body.fileName ?? null}, filename),
        folder_id = case when ${body.folderId === undefined} then folder_id else ${body.folderId ?? null}::uuid end,
        tags = coalesce(${body.tags ?? null}::text[], tags)
      where id = ${id} returning to_jsonb(f) as file`)
    if (!rows[0]) throw eyemotionErrors.file_not_found()
    await note(ctx, 'file.update', { type: 'file', id, details: { changed: Object.keys(body) } })
    return { file: publicFile(rows[0].file) }
  },
})

export const deleteFile = defineRoute({
  method: 'DELETE',
  path: `${base}/files/:id`,
  summary: 'Deletes a file, or gives up an upload: what it has reserved is free again.',
  access: userOr('files:write'),
  params: ofId,
  responses: { 200: z.object({ deleted: z.literal(true) }) },
  handle: async (ctx, { params: { id } }) => {
    await requireFile(ctx, id, 'editor')
    await ctx.db.query(sql`delete from public.project_files where id = ${id}`)
    await note(ctx, 'file.delete', { type: 'file', id })
    return { deleted: true as const }
  },
})

export const listVersions = defineRoute({
  method: 'GET',
  path: `${base}/files/:id/versions`,
  summary: 'All versions of a file with addresses to watch them side by side, the latest first.',
  access: userOr('files:read'),
  params: ofId,
  responses: { 200: z.object({ versions: z.array(anyObject) }) },
  handle: async (ctx, { params: { id } }) => {
    await requireFlag(ctx.flags, 'storageEnabled')
    const { version_group } = await requireFile(ctx, id, 'viewer')
    const { rows } = await ctx.db.query<{ file: File & { storage_path: string } }>(
      sql`select to_jsonb(f) as file from public.project_files f
        where version_group = ${version_group} and processing_status <> 'pending_upload' order by version desc limit 100`,
      { readOnly: true },
    )
    const versions = rows.map(async ({ file }) => ({
      ...publicFile(file),
      url: await signer(ctx).signUrl(file.storage_path, signedSeconds),
    }))
    return { versions: await Promise.all(versions) }
  },
})

export const approveFile = defineRoute({
  method: 'POST',
  path: `${base}/files/:id/approval`,
  summary: 'Approves a version, asks for changes, or takes either back.',
  access: userOr('files:write'),
  params: ofId,
  body: z.object({ approval: z.enum(['approved', 'changes_requested', 'pending']) }),
  responses: { 200: fileAnswer },
  handle: async (ctx, { params: { id }, body: { approval } }) => {
    const file = await run<File>(
      ctx,
      sql`select to_jsonb(private.approve_file(${requireUser(ctx)}, ${id}, ${approval}, ${ctx.clock.now()})) as answer`,
    )
    await note(ctx, 'file.approval', { type: 'file', id, details: { approval } })
    return { file: publicFile(file) }
  },
})

export const listComments = defineRoute({
  method: 'GET',
  path: `${base}/files/:id/comments`,
  summary: 'What was said of a file, by frame, with its timecode where the frames of a second are known.',
  access: userOr('files:read'),
  params: ofId,
  responses: { 200: z.object({ comments: z.array(anyObject) }) },
  handle: async (ctx, { params: { id } }) => {
    await requireFile(ctx, id, 'viewer')
    const { rows } = await ctx.db.query<{ comment: File; frame: string; fps: string | null }>(
      sql`select to_jsonb(c) as comment, c.frame, f.fps from public.file_comments c join public.project_files f on f.id = c.file_id
        where c.file_id = ${id} order by c.frame, c.created_at limit 5000`,
      { readOnly: true },
    )
    return {
      comments: rows.map(({ comment, frame, fps }) => ({
        ...comment,
        timecode: timecodeOf(Number(frame), fps === null ? null : Number(fps)),
      })),
    }
  },
})

export const addComment = defineRoute({
  method: 'POST',
  path: `${base}/files/:id/comments`,
  summary: 'Says something of a frame.',
  access: userOr('files:read'),
  params: ofId,
  body: z.object({
    frame: z
      .int()
      .min(0)
      .max(2 ** 40)
      .default(0),
    body: z.string().trim().min(1).max(10_000),
  }),
  responses: { 201: z.object({ comment: anyObject }) },
  handle: async (ctx, { params: { id }, body: { frame, body } }) => {
    await requireFile(ctx, id, 'commenter')
    const { rows } = await ctx.db.query<{ comment: File }>(sql`
      insert into public.file_comments as c (file_id, frame, body) values (${id}, ${frame}, ${body}) returning to_jsonb(c) as comment`)
    await note(ctx, 'file.comment', { type: 'file', id })
    return reply(201, rows[0]!)
  },
})
