import { escapeHtml } from '../../messages/index.ts'

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; }
  button { font: inherit; padding: .6rem 1.2rem; }
</style>
<h1>${title}</h1>
${body}
</html>
`

/** Asks first: programs that look at links must not unsubscribe anybody. */
export const askPage = (token: string, topic: string | null): string =>
  page(
    'Unsubscribe',
    `<p>You will get no more mails like this one${topic ? ` (${escapeHtml(topic)})` : ''}.</p>
<form method="post" action="?token=${encodeURIComponent(token)}"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>`,
  )

export const donePage = (): string => page('You are unsubscribed', '<p>You get no more of these mails.</p>')
