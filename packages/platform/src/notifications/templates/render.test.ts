import { describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import { contentOf } from '../model/message.ts'
import { chooseLocale } from './choose-locale.ts'
import { defineTemplate } from './define-template.ts'
import { render } from './render.ts'

const hello = defineTemplate({
  name: 'hello',
  summary: '',
  variables: z.object({ name: z.string(), link: z.string().default('https://example.com/') }),
  sample: { name: 'Ada' },
  url: '{{ link }}',
  texts: {
    en: {
      subject: 'Hello {{ name }}',
      text: 'Dear {{ name }},\n\nwelcome.',
      html: '<p>Dear <b title="{{ name }}">{{ name }}</b></p>',
      action: 'Go',
    },
    th: { subject: 'สวัสดี {{ name }}', text: 'ยินดีต้อนรับ' },
  },
})
const broken = defineTemplate({
  name: 'broken',
  summary: '',
  variables: z.object({}),
  sample: {},
  texts: { en: { subject: '{{ a | nothing }}', text: '' } },
})
const loop = {
  ...broken,
  name: 'loop',
  texts: { en: { subject: '{% for i in (1..9000000) %}{{ i }}{% endfor %}', text: '' } },
}

const options = { templates: [hello, broken, loop], locale: null, sender: 'Shop & Co', unsubscribe: null }
const write = (content: object, given: object = {}) =>
  render(contentOf({ ...content }), { ...options, ...given })
const inHello = (variables: object, given = {}) => write({ template: 'hello', variables }, given)

describe('a template', () => {
  const markup = '<script>alert("1")</script>\'&'

  it('shows markup in variables as text, in HTML, and as it is elsewhere', async () => {
    const { html, text, subject } = await inHello({ name: markup })
    const escaped = '&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&#39;&amp;'
    expect(html).not.toContain('<script>')
    expect(html).toContain(`<b title="${escaped}">${escaped}</b>`)
    expect(html).toContain('Shop &amp; Co')
    expect(text).toContain(markup)
    expect(subject).toBe(`Hello ${markup}`)
  })

  it('cannot be continued by a variable', async () => {
    const { text } = await inHello({ name: '{{ link }}{% raw %}' })
    expect(text).toContain('Dear {{ link }}{% raw %},')
  })

  it('keeps its subject in one line', async () => {
    const { subject } = await inHello({ name: 'Ada\r\nBcc: eve@example.com\u2028x' })
    expect(subject).toBe('Hello Ada Bcc: eve@example.com x')
  })

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    ' javascript:x',
    '//evil.example',
    '/\\evil.example',
    'vbscript:x',
  ])('leads nowhere but to pages: %s', async (link) => {
    const { url, html } = await inHello({ name: 'Ada', link })
    expect(url).toBeNull()
    expect(html).not.toContain('<a href')
  })

  it('leads to a page, with its button', async () => {
    const { url, html, text } = await inHello({ name: 'Ada', link: 'https://example.com/?a=1&b="2"' })
    expect(url).toBe('https://example.com/?a=1&b="2"')
    expect(html).toContain('href="https://example.com/?a=1&amp;b=&#34;2&#34;"')
    expect(text).toContain('Go: https://example.com/')
    expect((await inHello({ name: 'Ada', link: '/bookings/7' })).url).toBe('/bookings/7')
  })

  it('comes in the reader’s language, else in the first', async () => {
    expect((await inHello({ name: 'Ada' }, { locale: 'th-TH' })).subject).toBe('สวัสดี Ada')
    expect((await inHello({ name: 'Ada' }, { locale: 'fr' })).subject).toBe('Hello Ada')
    const named = await write(
      { template: 'hello', variables: { name: 'Ada' }, locale: 'th' },
      { locale: 'en' },
    )
    expect(named.locale).toBe('th')
  })

  it('has HTML even when it says none, with paragraphs', async () => {
    const { html } = await write({ subject: 's', body: 'one <b>\n\ntwo\nthree' })
    expect(html).toContain('>one &lt;b&gt;</p>')
    expect(html).toContain('>two<br>three</p>')
  })

  it('says what is wrong with it or its variables', async () => {
    await expect(write({ template: 'nobody' })).rejects.toMatchObject({ code: 'unknown_template' })
    await expect(inHello({})).rejects.toMatchObject({ code: 'notification_invalid' })
    await expect(write({ template: 'broken' })).rejects.toMatchObject({ code: 'template_invalid' })
  })

  it('ends when it would take too much', async () => {
    await expect(write({ template: 'loop' })).rejects.toMatchObject({ code: 'template_invalid' })
  })

  it('reads no more of variables than they hold', async () => {
    const sly = defineTemplate({
      ...hello,
      name: 'sly',
      texts: { en: { subject: '{{ name.constructor.name }}|', text: '' } },
    })
    const { subject } = await write({ template: 'sly', variables: { name: 'Ada' } }, { templates: [sly] })
    expect(subject).toBe('|')
  })
})

test('a mail of HTML only has a text as well', async () => {
  const { text } = await write({ subject: 's', html: '<h1>A &amp; B</h1>\n<p>one  <b>two</b></p>' })
  expect(text).toBe('A & B\none two')
})

test('marketing ends with the link that ends it', async () => {
  const { html, text } = await write(
    { subject: 's', body: 'b', locale: 'de' },
    { unsubscribe: 'https://example.com/u?a=1&b=2' },
  )
  expect(html).toContain('<a href="https://example.com/u?a=1&amp;b=2"')
  expect(text).toBe('b\n\nAbmelden: https://example.com/u?a=1&b=2')
})

test.each([
  [['en', 'pt-BR'], 'pt-BR', 'pt-BR'],
  [['en', 'pt-BR'], 'pt_br', 'pt-BR'],
  [['en', 'pt-BR'], 'pt-PT', 'pt-BR'],
  [['en', 'pt'], 'pt-BR', 'pt'],
  [['en', 'de'], 'fr', 'en'],
  [['de', 'en'], null, 'de'],
  [[], 'fr', 'en'],
])('of %j, %s gets %s', (available, wanted, expected) => {
  expect(chooseLocale(available, wanted)).toBe(expected)
})
