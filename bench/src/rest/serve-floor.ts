/** The floor: what a careful person writes by hand for two requests, with the same transaction in one round trip. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { verify } from 'hono/jwt'
import pg from 'pg'
import { readInput, reportPort } from './server-input.ts'

const { requests, jwtSecret, connections } = readInput()
const pool = new pg.Pool({ connectionString: requests, max: connections, pipeline: true } as pg.PoolConfig)
const seen = new Map<string, string>()
const preamble = `select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)`
const rows = `select coalesce(json_agg(t), '[]')::text as body from`
const one = `${rows} (select * from public.items where id = $1) t`
const page = `${rows} (select * from public.items order by id limit $1) t`

async function answer(authorization: string, name: string, text: string, value: string) {
  if (!seen.has(authorization)) {
    seen.set(authorization, JSON.stringify(await verify(authorization.slice(7), jwtSecret, 'HS256')))
  }
  const client = await pool.connect()
  try {
    const sent = [
      client.query('begin read only'),
      client.query({ name: 'preamble', text: preamble, values: [seen.get(authorization)] }),
      client.query({ name, text, values: [value] }),
      client.query('commit'),
    ]
    const [, , result] = await Promise.all(sent)
    return result!.rows[0].body as string
  } finally {
    client.release()
  }
}

const json = { 'content-type': 'application/json' }
const app = new Hono()
app.get('/rest/v1/items', async (c) => {
  const id = c.req.query('id')
  const authorization = c.req.header('authorization')!
  const body = id
    ? await answer(authorization, 'one', one, id.slice(3))
    : await answer(authorization, 'page', page, c.req.query('limit')!)
  return c.body(body, 200, json)
})
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => reportPort(port))
