import { describe, expect, it } from 'vitest'
import { allowedRedirect } from './allowed-redirect.ts'

const project = 'https://plinth.example.com/shops'
const settings = {
  siteUrl: 'https://shop.example.com',
  uriAllowList: [
    'https://*.preview.example.com/**',
    'https://exact.example.org/welcome',
    'com.shop.app://callback',
    'https://one.example.net/a?c',
  ],
}
const ask = (asked: string | undefined) => allowedRedirect(settings, project, asked)

describe('an address to return to', () => {
  it.each([
    'https://shop.example.com/welcome?a=1',
    'https://pr-7.preview.example.com/deep/er/path?x=y',
    'https://exact.example.org/welcome',
    'com.shop.app://callback',
    'https://one.example.net/abc',
  ])('is taken when it is allowed: %s', (asked) => {
    expect(ask(asked)).toBe(new URL(asked).href)
  })

  it.each([
    undefined,
    '',
    'https://evil.example',
    'http://shop.example.com/',
    'https://shop.example.com:8443/',
    'https://shop.example.com.evil.example/',
    'https://shop.example.com@evil.example/',
    'https://shop.example.com:pass@shop.example.com/',
    'https:\\\\evil.example',
    'https://evil.example\\@shop.example.com/',
    '//evil.example',
    '/welcome',
    'javascript:alert(1)//https://shop.example.com',
    'data:text/html,x',
    'https://a.b.preview.example.com/',
    'https://evil.example/x.preview.example.com/',
    'https://evil.example#.preview.example.com/',
    'https://exact.example.org/welcome/more',
    'https://one.example.net/a/c',
    ' https://shop.example.com/',
    'https://shop.example.com/\u0000',
    'https://shop.example.com/\r\nset-cookie: a=b',
    'com.shop.app://callback/other',
    `https://shop.example.com/${'x'.repeat(3000)}`,
  ])('is replaced by the site’s own when it is not: %j', (asked) => {
    expect(ask(asked)).toBe('https://shop.example.com')
  })

  it('may be any loopback address while the project is at one, and only then', () => {
    const asked = 'http://localhost:5173/callback'
    const local = { siteUrl: 'http://127.0.0.1:54321/shops', uriAllowList: [] }
    expect(allowedRedirect(local, local.siteUrl, asked)).toBe(asked)
    expect(ask(asked)).toBe('https://shop.example.com')
  })

  it('is matched in linear time', () => {
    const hostile = { siteUrl: 'https://a.example', uriAllowList: [`https://${'**a'.repeat(60)}b`] }
    const started = process.cpuUsage().user
    allowedRedirect(hostile, project, `https://${'a'.repeat(1900)}.example/`)
    expect(process.cpuUsage().user - started).toBeLessThan(500_000)
  })
})
