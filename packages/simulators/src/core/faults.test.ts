import { expect, it } from 'vitest'
import { createFaults, type Fault } from './faults.ts'

const open = (...planned: Fault[]) => {
  const faults = createFaults({ faults: [] })
  planned.forEach(faults.add)
  return faults
}

it.each([
  [{ path: '/v1/refunds' }, 'POST', '/v1/refunds', true],
  [{ path: '/v1/refunds' }, 'POST', '/v1/refunds/re_1', false],
  [{ path: '/v1/refunds*' }, 'POST', '/v1/refunds/re_1', true],
  [{ path: '/v1/*/capture' }, 'POST', '/v1/payment_intents/pi_1/capture', true],
  [{ path: '/v1/*/capture' }, 'POST', '/v1/capture', false],
  [{ path: '/v1/*/a*/b' }, 'POST', '/v1/x/ab/b', true],
  [{ path: '*' }, 'GET', '/', true],
  [{ method: 'post' }, 'POST', '/anything', true],
  [{ method: 'GET' }, 'POST', '/anything', false],
])('%j meets %s %s: %s', (fault, method, path, meets) => {
  expect(open(fault).take(method, path) !== undefined).toBe(meets)
})

it('lets some calls pass, is met so often as it says, and then no more; the first that matches counts', () => {
  const faults = open({ path: '/a', after: 1, times: 2, status: 500 }, { status: 503 })
  const statuses = ['/a', '/a', '/b', '/a', '/a'].map((path) => faults.take('GET', path)?.status)
  expect(statuses).toEqual([undefined, 500, 503, 500, undefined])
  expect(faults.list()).toEqual([])
})

it('refuses a fault that means nothing', () => {
  expect(() => open({ status: 200 })).toThrow()
  expect(() => open({ colour: 'red' } as Fault)).toThrow()
})
