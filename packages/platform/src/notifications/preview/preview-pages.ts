import type { Hono } from 'hono'
import type { SurfaceEnv } from '../../http/index.ts'
import { escapeHtml, isLoopback, messageErrors } from '../../messages/index.ts'
import type { AnyTemplate } from '../templates/define-template.ts'
import type { Preview } from './preview-template.ts'

/**
 * `/notifications/preview`: every template with its sample, in each language. Development only, and from this machine only; it
 * shows samples and nothing of anybody.
 */
export function addPreviewPages(
  app: Hono<SurfaceEnv>,
  templates: readonly AnyTemplate[],
  preview: (name: string, locale?: string) => Promise<Preview>,
): void {
  app.use('/preview/*', async (c, next) => {
    if (!isLoopback(c.var.clientAddress.replace(/^::ffff:/i, ''))) throw messageErrors.inbox_closed()
    await next()
  })
  app.get('/preview', (c) => c.html(listPage(templates), 200, pagePolicy))
  app.get('/preview/:name', async (c) => {
    const shown = await preview(c.req.param('name'), c.req.query('locale'))
    return c.html(templatePage(shown), 200, pagePolicy)
  })
}

/** The mail stands in a frame without rights. */
const pagePolicy = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; img-src https: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  iframe { width: 100%; height: 32rem; border: 1px solid #ccc; border-radius: 6px; }
  pre { white-space: pre-wrap; border: 1px solid #ccc; border-radius: 6px; padding: .75rem 1rem; font: inherit; }
  small { color: #555; }
</style>
${body}
</html>
`

const listPage = (templates: readonly AnyTemplate[]): string =>
  page(
    'Templates',
    `<h1>Templates</h1><ul>${templates
      .map(
        ({ name, summary }) =>
          `<li><a href="preview/${encodeURIComponent(name)}">${escapeHtml(name)}</a> <small>${escapeHtml(summary)}</small></li>`,
      )
      .join('')}</ul>`,
  )

const templatePage = ({ template, locales, subject, html, text, sms, locale }: Preview): string =>
  page(
    template,
    `<h1>${escapeHtml(template)}</h1>
<p>${locales.map((each) => (each === locale ? each : `<a href="?locale=${encodeURIComponent(each)}">${escapeHtml(each)}</a>`)).join(' · ')}</p>
<h2>${escapeHtml(subject)}</h2>
<iframe sandbox srcdoc="${escapeHtml(html)}"></iframe>
<h2>Text</h2><pre>${escapeHtml(text)}</pre>
<h2>SMS</h2><pre>${escapeHtml(sms)}</pre>`,
  )
