import { service, useTestDatabase } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { AppError, defineErrors } from '../../kernel/index.ts'
import { quoteText, translateSqlError } from '../index.ts'

const catalogue = defineErrors({
  seat_taken: { status: 409, message: 'Seat {seat} is taken.', hint: 'Choose another one.' },
})

describe('what SQL raises', () => {
  const test = useTestDatabase()

  const raise = async (text: string): Promise<unknown> => {
    const failed = await test.database
      .asCaller(service, { text })
      .then(() => undefined)
      .catch((error: unknown) => error)
    return translateSqlError(failed, catalogue)
  }
  const refuse = (detail: string, state = 'PT422') =>
    raise(
      `do $$ begin raise exception 'No.' using errcode = '${state}', detail = ${quoteText(detail)}; end $$`,
    )

  it('with a code of the catalogue is that error: its status, the facts as details, SQL’s own words', async () => {
    expect(
      await raise(`select plinth.refuse('seat_taken', 409, 'Seat 7 is taken by Ada.', '{"seat": 7}')`),
    ).toMatchObject({
      code: 'seat_taken',
      status: 409,
      message: 'Seat 7 is taken by Ada.',
      hint: 'Choose another one.',
      details: { seat: 7 },
    })
  })

  it('has the catalogue’s status, whatever its SQLSTATE says', async () => {
    expect(await refuse('{"code": "seat_taken"}', '42501')).toMatchObject({ code: 'seat_taken', status: 409 })
  })

  it.each([
    ['no detail', ''],
    ['a detail that is no JSON', '{"code": "seat_taken"'],
    ['a detail that is a list', '["seat_taken"]'],
    ['an unknown code', '{"code": "seat_lost"}'],
    ['a code that every object has', '{"code": "constructor"}'],
    ['the prototype as its code', '{"code": "__proto__"}'],
    ['a number as its code', '{"code": 7}'],
  ])('with %s keeps the status of its PTnnn', async (_case, detail) => {
    expect(await refuse(detail)).toMatchObject({ code: 'refused', status: 422, message: 'No.' })
  })

  it.each(['PT200', 'PT999', 'PTabc', 'XX000'])('as %s stays what it is', async (state) => {
    expect(await refuse('', state)).not.toBeInstanceOf(AppError)
  })

  it.each([
    ['forbidden_rows', 403, `select pg_read_file('/etc/passwd')`],
    ['conflicting_rows', 409, `do $$ begin raise unique_violation; end $$`],
    ['invalid_rows', 400, `select 'x'::int`],
    ['invalid_rows', 400, `select repeat('[', 100000)::json`],
    ['refused', 400, `do $$ begin raise exception 'not today'; end $$`],
    ['contended', 503, `do $$ begin raise exception 'try again' using errcode = '40001'; end $$`],
    ['too_slow', 504, `do $$ begin raise exception 'late' using errcode = '57014'; end $$`],
  ])('is %s where the caller did it', async (code, status, text) => {
    expect(await raise(text)).toMatchObject({ code, status })
  })

  it('and nothing else is translated', () => {
    const other = new Error('of another kind')
    expect(translateSqlError(other, catalogue)).toBe(other)
  })
})
