import { type Caller, type Statement, sql } from '../../database/index.ts'
import { storageErrors } from '../errors.ts'
import type { StorageContext } from '../storage-context.ts'
import { attempt } from './translate-error.ts'

type Order = 'asc' | 'desc'
export type SortColumn = 'name' | 'created_at' | 'updated_at' | 'last_accessed_at'

export interface FolderQuery {
  readonly bucket: string
  /** Path of the folder, with or without a last slash; empty for the bucket itself. */
  readonly folder: string
  /** How the entries' names begin; letter case does not count. */
  readonly search: string
  readonly limit: number
  readonly offset: number
  readonly column: SortColumn
  readonly order: Order
}

/** Files and folders in a folder, as JSON: what `list` of Supabase's clients gives. A folder has no id. */
export function listFolder(storage: StorageContext, caller: Caller, query: FolderQuery): Promise<string> {
  const prefix = query.folder === '' || query.folder.endsWith('/') ? query.folder : `${query.folder}/`
  const statement = query.column === 'name' ? folderByName(query, prefix) : folderByColumn(query, prefix)
  return readJson(storage, caller, statement)
}

const folderByName = ({ bucket, search, limit, offset, order }: FolderQuery, prefix: string): Statement => ({
  name: 'plinth_storage_list',
  text: `select coalesce(json_agg(json_build_object('name', rtrim(substr(entry, length($2) + 1), '/'), 'id', id,
      'updated_at', updated_at, 'created_at', created_at, 'last_accessed_at', last_accessed_at, 'metadata', metadata)), '[]')::text as json
    from plinth.list_objects($1, $2, true, $3, null, $4, $5, $6)`,
  values: [bucket, prefix, order === 'desc', search, offset, limit],
})

/** Sorted by anything but the name, everything below the folder is read; folders come first, by their names. */
function folderByColumn(query: FolderQuery, prefix: string): Statement {
  const { bucket, search, limit, offset, column, order } = query
  const page = sql`
    with below as (
      select o.*, substr(o.name, length(${prefix}) + 1) as rest from storage.objects o
      where o.bucket_id = ${bucket} and o.name >= ${prefix} and o.name < ${prefix} || chr(1114111)
    ), entries as (
      select distinct split_part(rest, '/', 1) as name, null::uuid as id, null::timestamptz as updated_at,
        null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
      from below where strpos(rest, '/') > 0
      union all
      select rest, id, updated_at, created_at, last_accessed_at, metadata from below where strpos(rest, '/') = 0
    ), page as (
      select * from entries where starts_with(lower(name), lower(${search}))
      order by (id is not null), ORDER_BY, name limit ${limit} offset ${offset}
    )
    select coalesce(json_agg(to_json(page)), '[]')::text as json from page`
  return { ...page, text: page.text.replace('ORDER_BY', `${column} ${order}`) }
}

export interface PageQuery {
  readonly bucket: string
  /** How names begin. */
  readonly prefix: string
  /** True: what lies below a further slash is one folder. */
  readonly delimited: boolean
  readonly limit: number
  /** The `nextCursor` of the page before. */
  readonly cursor: string | undefined
  readonly column: Exclude<SortColumn, 'last_accessed_at'>
  readonly order: Order
}

interface Cursor {
  /** The last entry. */
  readonly entry: string
  /** Its value of the column that is sorted by; null for a folder, absent when sorted by name. */
  readonly value?: string | null
}

/** A page of objects and folders as JSON: what `listV2` of Supabase's clients gives. */
export async function listPage(storage: StorageContext, caller: Caller, query: PageQuery): Promise<string> {
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor)
  const statement = query.column === 'name' ? pageByName(query, after) : pageByColumn(query, after)
  return readJson(storage, caller, statement)
}

/** `entries`: one row more than the limit, so that it is known whether more follows. */
const pageJson = (value: string) => `
  select json_build_object(
    'hasNext', count(*) > $1::int,
    'folders', coalesce(json_agg(json_build_object('name', entry, 'key', rtrim(entry, '/')) order by place)
      filter (where place <= $1::int and id is null), '[]'),
    'objects', coalesce(json_agg(json_build_object('name', entry, 'key', entry, 'id', id, 'updated_at', updated_at,
        'created_at', created_at, 'last_accessed_at', last_accessed_at, 'metadata', metadata) order by place)
      filter (where place <= $1::int and id is not null), '[]'),
    'nextCursor', case when count(*) > $1::int then
      (array_agg(translate(encode(convert_to(${value}::text, 'UTF8'), 'base64'), E'+/=\\n', '-_') order by place))[$1::int] end)::text as json
  from numbered`

const pageByName = ({ bucket, prefix, delimited, limit, order }: PageQuery, after?: Cursor): Statement => ({
  name: 'plinth_storage_page',
  text: `with numbered as materialized (
      select *, row_number() over () as place from plinth.list_objects($2, $3, $4, $5, $6, '', 0, $1::int + 1)
    ) ${pageJson("json_build_object('entry', entry)")}`,
  values: [limit, bucket, prefix, delimited, order === 'desc', after?.entry ?? null],
})

function pageByColumn(query: PageQuery, after?: Cursor): Statement {
  const { bucket, prefix, delimited, limit, column, order } = query
  const beyond = order === 'asc' ? '>' : '<'
  return {
    text: `with below as (
        select o.*, case when $4 then strpos(substr(o.name, length($3) + 1), '/') else 0 end as slash from storage.objects o
        where o.bucket_id = $2 and o.name >= $3 and o.name < $3 || chr(1114111)
      ), entries as (
        select distinct left(name, length($3) + slash) as entry, null::uuid as id, null::timestamptz as updated_at,
          null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
        from below where slash > 0
        union all
        select name, id, updated_at, created_at, last_accessed_at, metadata from below where slash = 0
      ), numbered as (
        select *, row_number() over (order by (id is not null), ${column} ${order}, entry) as place from entries
        where $5::text is null
          or ($6::timestamptz is null and (id is not null or entry > $5))
          or (id is not null and (${column} ${beyond} $6::timestamptz or ${column} = $6::timestamptz and entry > $5))
        order by place limit $1::int + 1
      ) ${pageJson(`json_build_object('entry', entry, 'value', ${column})`)}`,
    values: [limit, bucket, prefix, delimited, after?.entry ?? null, after?.value ?? null],
  }
}

function readCursor(text: string): Cursor {
  try {
    const { entry, value } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Cursor
    if (typeof entry !== 'string' || (value != null && Number.isNaN(Date.parse(value))))
      throw new Error('no cursor')
    return { entry, value: value ?? null }
  } catch (cause) {
    throw storageErrors.invalid_storage_request({ problem: 'The cursor is none of a page before.' }, cause)
  }
}

async function readJson(storage: StorageContext, caller: Caller, statement: Statement): Promise<string> {
  const { rows } = await attempt(storage, { action: 'listing', operations: 'select' }, () =>
    storage.database.asCaller<{ json: string }>(caller, statement, { readOnly: true }),
  )
  return rows[0]!.json
}
