import { header } from '@plinth/testing/bad-input'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { body, queryString } from './fuzz.ts'
import { useRest } from './rest-client.ts'

/** The nightly form asks for more runs; the seed stays, so that a failure is found again. */
const numRuns = Number(process.env.PLINTH_TEST_FUZZ_RUNS ?? 400)
const settings = { numRuns, seed: 20_261_120, endOnFailure: true }

describe('bad input', () => {
  const rest = useRest({ aggregates: true, plans: true })
  const target = fc.constantFrom('/films', '/directors', '/things', '/odd%20Names', '/film_list', '/nothing')
  const call = fc.constantFrom(
    '/rpc/add',
    '/rpc/films_since',
    '/rpc/total',
    '/rpc/echo',
    '/rpc/pairs',
    '/rpc/none',
  )

  const check = async (method: string, path: string, headers: Record<string, string>, sent?: string) => {
    const answer = await rest.request(method, path, {
      headers: { 'content-type': 'application/json', prefer: 'tx=rollback', ...headers },
      ...(sent === undefined ? {} : { body: sent }),
    })
    expect({ status: answer.status < 500, path, text: answer.text }).toMatchObject({ status: true })
  }

  test('in a query string never breaks reading', async () => {
    await fc.assert(
      fc.asyncProperty(target, queryString, header, (path, query, headers) =>
        check('GET', `${path}?${query}`, headers),
      ),
      settings,
    )
  })
  test('in a query string or body never breaks writing', async () => {
    const method = fc.constantFrom('POST', 'PATCH', 'PUT', 'DELETE')
    await fc.assert(
      fc.asyncProperty(method, target, queryString, header, body, (verb, path, query, headers, sent) =>
        check(verb, `${path}?${query}`, headers, verb === 'DELETE' ? undefined : sent),
      ),
      settings,
    )
  })
  test('never breaks calling', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST'),
        call,
        queryString,
        header,
        body,
        (verb, path, query, headers, sent) =>
          check(verb, `${path}?${query}`, headers, verb === 'GET' ? undefined : sent),
      ),
      settings,
    )
  })
})
