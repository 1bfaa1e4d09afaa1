import { sql, type Transaction } from '../database/index.ts'
import type { Hash } from './tree/hashing.ts'
import {
  type NodeId,
  type NodeReader,
  nodesAmong,
  nodesOfRange,
  type Range,
  type TreeNode,
} from './tree/nodes.ts'

/** Statements of one log, in whatever transaction they belong to. */
export type Ask = Transaction['query']

export interface LogRow {
  readonly id: number
  readonly size: number
}

/** The log's row, locked until the transaction ends: who appends next waits. Made the first time. */
export async function lockLog(ask: Ask, name: string): Promise<LogRow> {
  const found = await findLocked(ask, name)
  if (found) return found
  await ask(sql`insert into plinth.merkle_logs (name) values (${name}) on conflict do nothing`)
  return (await findLocked(ask, name))!
}

async function findLocked(ask: Ask, name: string): Promise<LogRow | undefined> {
  const { rows } = await ask<{ id: number; size: string }>(
    sql`select id, size from plinth.merkle_logs where name = ${name} for update`,
  )
  return rows[0] && { id: rows[0].id, size: Number(rows[0].size) }
}

/** The log and its latest head, as the database says at one instant. */
export async function findLog(
  ask: Ask,
  name: string,
): Promise<(LogRow & { readonly head: HeadRow | undefined }) | undefined> {
  const { rows } = await ask<{ id: number; size: string; head_size: string | null; note: string | null }>(sql`
    select l.id, l.size, h.size as head_size, h.note
    from plinth.merkle_logs l
    left join lateral (select size, note from plinth.merkle_heads where log = l.id order by size desc limit 1) h on true
    where l.name = ${name}`)
  const [row] = rows
  if (!row) return undefined
  const head = row.note === null ? undefined : { size: Number(row.head_size), note: row.note }
  return { id: row.id, size: Number(row.size), head }
}

/** Fetches the nodes of some ranges in one statement. What is not there throws when it is read. */
export async function readRanges(ask: Ask, log: number, ranges: readonly Range[]): Promise<NodeReader> {
  const ids: NodeId[] = ranges.flatMap((range) => nodesOfRange(range))
  if (ids.length === 0) return nodesAmong([])
  const { rows } = await ask<{ level: number; index: string; hash: Hash }>(sql`
    select n.level, n.index, n.hash
    from unnest(${ids.map(({ level }) => level)}::smallint[], ${ids.map(({ index }) => index)}::bigint[]) w (level, index)
    join plinth.merkle_nodes n on n.log = ${log} and n.level = w.level and n.index = w.index`)
  return nodesAmong(rows.map(({ level, index, hash }) => ({ level, index: Number(index), hash })))
}

/** Leaf hashes of a range, in order. */
export async function readLeaves(ask: Ask, log: number, [from, until]: Range): Promise<Hash[]> {
  const { rows } = await ask<{ hash: Hash }>(sql`
    select hash from plinth.merkle_nodes
    where log = ${log} and level = 0 and index >= ${from} and index < ${until} order by index`)
  return rows.map(({ hash }) => hash)
}

export async function writeNodes(
  ask: Ask,
  log: number,
  nodes: readonly TreeNode[],
  size: number,
): Promise<void> {
  await ask(sql`
    with written as (
      insert into plinth.merkle_nodes (log, level, index, hash)
      select ${log}, level, index, hash
      from unnest(${nodes.map(({ level }) => level)}::smallint[], ${nodes.map(({ index }) => index)}::bigint[],
        ${nodes.map(({ hash }) => hash)}::bytea[]) w (level, index, hash))
    update plinth.merkle_logs set size = ${size} where id = ${log}`)
}

export interface HeadRow {
  readonly size: number
  readonly note: string
}

export async function writeHead(ask: Ask, log: number, head: HeadRow & { readonly root: Hash }, at: Date) {
  await ask(sql`
    insert into plinth.merkle_heads (log, size, root, note, signed_at)
    values (${log}, ${head.size}, ${head.root}, ${head.note}, ${at})`)
}
