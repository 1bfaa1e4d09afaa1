import { useSystem } from '@plinth/testing/system'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { defineErrors } from '../kernel/index.ts'
import { defineFunction, defineRoute } from '../routes/index.ts'
import { defineSystem } from '../system/index.ts'

const errors = defineErrors({
  seat_taken: { status: 409, message: 'The seat is taken.', hint: 'Choose another one.' },
  unknown_seat: { status: 404, message: 'There is no such seat.', hint: 'Look at the plan.' },
  too_many_seats: { status: 422, message: 'Nobody needs as many seats.', hint: 'Take fewer.' },
  not_yours: { status: 403, message: 'The seat is not yours.', hint: 'Sign in as its owner.' },
})
const codes = Object.keys(errors) as (keyof typeof errors)[]

/** Refuses by `plinth.refuse`, and by hand with a SQLSTATE that would mean something else. */
const migration = `
  create function public.take_seat(code text, status int) returns void language plpgsql set search_path = '' as $$
  begin
    if code = 'not_yours' then
      raise exception 'Seat 7.' using errcode = '42501', detail = '{"code": "not_yours", "seat": 7}';
    end if;
    perform plinth.refuse(code, status, 'Seat 7.', '{"seat": 7}');
  end $$;
  grant execute on function public.take_seat(text, int) to anon, authenticated, service_role;`

const input = z.object({ code: z.string(), status: z.int() })
const takeSeat = ({ code, status }: z.output<typeof input>) =>
  sql`select public.take_seat(${code}, ${status})`

const system = useSystem(
  defineSystem({
    name: 'seats',
    summary: 'Refuses seats.',
    tenant: null,
    migrations: async () => ({
      name: 'seats',
      migrations: [{ name: '001_seats', sql: migration, checksum: 'seats' }],
    }),
    errors,
    functions: [
      defineFunction({
        name: 'take-seat',
        summary: 'Takes a seat.',
        access: 'public',
        input,
        output: z.object({}),
        handle: async ({ db }, given) => {
          await db.query(takeSeat(given))
          return {}
        },
      }),
    ],
    routes: [
      defineRoute({
        method: 'PUT',
        path: '/seats/:code/:status',
        summary: 'Takes a seat.',
        access: 'public',
        params: z.object({ code: z.string(), status: z.coerce.number() }),
        responses: { 204: null },
        handle: async ({ db }, { params }) => {
          await db.query(takeSeat(params))
          return undefined
        },
      }),
    ],
    jobs: [
      defineJob({
        name: 'take-seat',
        summary: 'Takes a seat.',
        payload: input,
        attempts: 1,
        run: async ({ db }, given) => {
          await db.query(takeSeat(given))
        },
      }),
    ],
    realtimeTables: [],
    journalledTables: [],
  }),
)

describe('what SQL refuses with a code of the catalogue', () => {
  it.each(codes)(
    '%s has its status, code and facts over every surface, and its code in jobs',
    async (code) => {
      const { status } = errors[code].definition
      const given = { code, status }
      const expected = { status, body: { code } }
      expect(await system.request('/rest/v1/rpc/take_seat', { method: 'POST', body: given })).toMatchObject(
        expected,
      )
      const called = await system.call('take-seat', given)
      expect(called).toMatchObject({ ...expected, body: { code, error: 'Seat 7.', details: { seat: 7 } } })
      const routed = await system.request(`/seats/${code}/${status}`, { method: 'PUT' })
      expect(routed).toMatchObject({ status, body: { code, details: { seat: 7 } } })
      await expect(system.jobs.run('take-seat', given)).rejects.toThrow('Seat 7.')
      const { rows } = await system.database.asOwner(
        sql`select error from plinth.job_runs order by job_id::bigint desc limit 1`,
      )
      expect(rows).toEqual([{ error: `${code}: Seat 7.` }])
    },
  )

  it('is described with every function and route in the project’s OpenAPI document', async () => {
    const { body } = await system.request('/openapi.json')
    expect(Object.keys(body.paths)).toEqual(['/functions/v1/take-seat', '/seats/{code}/{status}'])
    expect(body.servers).toEqual([{ url: 'http://plinth.test/seats' }])
  })
})
