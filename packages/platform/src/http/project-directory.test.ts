import { describe, expect, it } from 'vitest'
import { createProjectDirectory } from './project-directory.ts'

const shops = { name: 'shops', functionNames: new Set(['inventory-operations']) }
const courses = { name: 'courses', functionNames: new Set(['razorpay-webhook']) }
const keyOf = (ref: string) => `e30.${Buffer.from(JSON.stringify({ ref })).toString('base64url')}.x`

describe('finding the project of a request', () => {
  const both = createProjectDirectory([shops, courses])
  const alone = createProjectDirectory([shops])
  const request = { host: 'localhost:54321', path: '/rest/v1/items', key: undefined }

  it.each([
    [
      'by the first segment of the path',
      { ...request, path: '/courses/rest/v1/events' },
      'courses',
      '/rest/v1/events',
    ],
    ['by the path alone', { ...request, path: '/courses' }, 'courses', '/'],
    [
      'by the path before the key',
      { ...request, path: '/courses/rest/v1/x', key: keyOf('shops') },
      'courses',
      '/rest/v1/x',
    ],
    ['by the host', { ...request, host: 'Shops.example.com' }, 'shops', '/rest/v1/items'],
    ['by the key’s ref', { ...request, key: keyOf('courses') }, 'courses', '/rest/v1/items'],
    [
      'by the function’s name',
      { ...request, path: '/functions/v1/razorpay-webhook' },
      'courses',
      '/functions/v1/razorpay-webhook',
    ],
  ])('%s', (_case, address, name, path) => {
    expect(both.resolve(address)).toMatchObject({ project: { name }, path })
  })

  it('at the root when one project runs', () => {
    expect(alone.resolve(request)).toMatchObject({ project: { name: 'shops' }, path: '/rest/v1/items' })
  })

  it.each([
    ['nothing names a project', request],
    ['the key names an unknown one', { ...request, key: keyOf('bank') }],
    ['the key is no token', { ...request, key: '%%%' }],
    ['the path only starts like one', { ...request, path: '/shopsx/rest/v1/items' }],
  ])('not when %s', (_case, address) => {
    expect(both.resolve(address)).toBeUndefined()
  })
})
