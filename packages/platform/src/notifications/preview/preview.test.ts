import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { renderPlainError, type SurfaceEnv } from '../../http/index.ts'
import { bookingConfirmed, offer } from '../tests/messages-system.ts'
import { addPreviewPages } from './preview-pages.ts'
import { previewTemplate } from './preview-template.ts'

const templates = [bookingConfirmed, offer]
const preview = (name: string, locale?: string) =>
  previewTemplate(templates, name, { locale, sender: 'Shop' })

function openPages(clientAddress: string) {
  const app = new Hono<SurfaceEnv>()
  app.onError((error) => renderPlainError(error, 'r'))
  app.use(async (c, next) => {
    c.set('clientAddress', clientAddress)
    await next()
  })
  addPreviewPages(app, templates, preview)
  return app
}

describe('a preview', () => {
  it('is the template with its sample, in each language', async () => {
    const shown = await preview('booking-confirmed')
    expect(shown).toMatchObject({
      subject: 'Booked: Haircut',
      sms: 'Haircut is booked.',
      locales: ['en', 'pt-BR'],
    })
    expect(shown.text).toContain('Show it: https://example.com/bookings/7')
    expect((await preview('booking-confirmed', 'pt')).subject).toBe('Marcado: Haircut')
    expect((await preview('offer')).html).toContain('Unsubscribe')
    await expect(preview('nothing')).rejects.toMatchObject({ code: 'unknown_template' })
  })

  it('of a template whose sample does not fit says so', async () => {
    const wrong = { ...bookingConfirmed, sample: {} as never }
    const shown = previewTemplate([wrong], 'booking-confirmed', { sender: '' })
    await expect(shown).rejects.toMatchObject({ code: 'template_invalid' })
  })

  it('is a page whose mail has no rights, for this machine alone', async () => {
    const app = openPages('::ffff:127.0.0.1')
    expect(await (await app.request('/preview')).text()).toContain('booking-confirmed')
    const page = await app.request('/preview/booking-confirmed?locale=pt-BR')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const text = await page.text()
    expect(text).toContain('<iframe sandbox srcdoc="&lt;!doctype html&gt;')
    expect(text).toContain('Marcado: Haircut')
    const elsewhere = openPages('192.0.2.7')
    for (const path of ['/preview', '/preview/offer'])
      expect((await elsewhere.request(path)).status).toBe(403)
  })
})
