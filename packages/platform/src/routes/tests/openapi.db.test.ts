import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { bareEnvelope, defineFunction, defineRoute } from '../index.ts'
import { useRoutes } from './host-routes.ts'

interface Tree {
  name: string
  children: Tree[]
}
const tree: z.ZodType<Tree> = z.object({
  name: z.string(),
  get children() {
    return z.array(tree)
  },
})
const money = z.object({ amount: z.string(), currency: z.string() }).meta({ id: 'Money' })

const { ask } = useRoutes({
  info: { summary: 'Everything that a declaration can say.', url: 'https://plinth.example/sample' },
  functions: [
    defineFunction({
      name: 'report',
      summary: 'Reports.',
      access: 'admin',
      methods: ['GET', 'POST'],
      input: z.discriminatedUnion('type', [
        z.object({ type: z.literal('overview') }),
        z.object({ type: z.literal('revenue'), from: z.iso.date().optional() }),
      ]),
      output: z.object({ total: money }),
      handle: async () => ({ total: { amount: '1', currency: 'THB' } }),
    }),
    defineFunction({
      name: 'raw',
      summary: 'Answers by itself.',
      access: 'webhook',
      respond: () => new Response(''),
    }),
  ],
  routes: [
    defineRoute({
      method: ['PUT', 'PATCH'],
      path: '/trees/:id/leaves/*',
      summary: 'Grows a tree.',
      access: { anyOf: [{ role: 'gardener' }, { permission: 'trees:write' }] },
      params: z.object({ id: z.uuid() }),
      query: z.object({ dry: z.stringbool().optional(), tag: z.array(z.string()).optional() }),
      body: tree,
      responses: {
        200: tree,
        202: z.object({ at: z.date() }),
        204: null,
        409: z.object({ taken: z.literal(true) }),
      },
      handle: async (_context, { body }) => body,
    }),
    defineRoute({
      method: 'GET',
      path: '/calendar.ics',
      summary: 'Gives a calendar.',
      access: 'public',
      responses: { 200: 'text/calendar' },
      handle: async () => new Response('BEGIN:VCALENDAR'),
    }),
    defineRoute({
      method: 'POST',
      path: '/upload',
      summary: 'Takes bytes.',
      access: 'service',
      accepts: ['bytes', 'text'],
      body: z.unknown(),
      envelope: bareEnvelope,
      responses: { 200: z.object({ size: z.int() }) },
      handle: async () => ({ size: 1 }),
    }),
  ],
})

describe('the API reference at /openapi.json', () => {
  const read = async () => (await ask('/openapi.json', { as: { role: 'anon', claims: {} } })).body

  it('is valid OpenAPI 3.1, and every reference in it leads somewhere', async () => {
    const document = await read()
    const validator = new Validator()
    expect(await validator.validate(document)).toMatchObject({ valid: true })
    expect(validator.version).toBe('3.1')
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(([, path]) => path!)
    expect(references.length).toBeGreaterThan(5)
    for (const path of references) {
      const found = path
        .slice(1)
        .split('/')
        .reduce((node, part) => node?.[part.replaceAll('~1', '/')], document)
      expect(found, path).toBeDefined()
    }
  })

  it('says what each route takes, gives and asks for', async () => {
    const { paths, servers, info } = await read()
    expect(servers).toEqual([{ url: 'https://plinth.example/sample' }])
    expect(info.description).toContain('Everything')
    expect(Object.keys(paths)).toEqual([
      '/functions/v1/report',
      '/functions/v1/raw/{rest}',
      '/trees/{id}/leaves/{rest}',
      '/calendar.ics',
      '/upload',
    ])
    const grow = paths['/trees/{id}/leaves/{rest}'].put
    expect(grow.parameters).toMatchObject([
      { name: 'id', in: 'path', required: true, schema: { format: 'uuid' } },
      { name: 'rest', in: 'path', required: true },
      { name: 'dry', in: 'query', required: false },
      { name: 'tag', in: 'query', required: false },
    ])
    expect(Object.keys(grow.responses)).toEqual(['200', '202', '204', '409', 'default'])
    expect(grow.responses[202].content['application/json'].schema.properties.data.properties.at).toEqual({
      type: 'string',
      format: 'date-time',
    })
    expect(grow.description).toContain('role gardener or permission trees:write')
    expect(paths['/functions/v1/report'].get.parameters.map(({ name }: { name: string }) => name)).toEqual([
      'type',
      'from',
    ])
    expect(paths['/calendar.ics'].get.security).toEqual([{}])
    expect(Object.keys(paths['/upload'].post.requestBody.content)).toEqual([
      'application/octet-stream',
      'text/plain',
    ])
  })

  it('is for who has a key, by GET, at one address', async () => {
    expect((await ask('/openapi.json')).body.code).toBe('missing_key')
    const anon = { role: 'anon', claims: {} }
    expect((await ask('/openapi.json', { as: anon, method: 'POST' })).status).toBe(405)
    expect((await ask('/openapi.json/x', { as: anon })).status).toBe(404)
  })
})
