import { html, raw } from 'hono/html'

/** Text with every value escaped. */
export type Markup = ReturnType<typeof html>

const style = `
  body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f5f6f8; color: #1a1f36; }
  main { max-width: 26rem; margin: 3rem auto; padding: 2rem; background: #fff; border-radius: .5rem; box-shadow: 0 1px 6px #0002; }
  h1 { font-size: 1.25rem; margin: 0 0 1rem; } table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
  td { padding: .25rem 0; } td:last-child { text-align: right; } label { display: block; margin: .75rem 0; }
  input { width: 100%; box-sizing: border-box; padding: .5rem; font: inherit; border: 1px solid #c4c9d4; border-radius: .25rem; }
  button, a.button { display: block; width: 100%; box-sizing: border-box; margin: .5rem 0; padding: .6rem; font: inherit; text-align: center;
    border: 0; border-radius: .25rem; background: #4a50d8; color: #fff; cursor: pointer; text-decoration: none; }
  .quiet { background: #e6e8ef; color: #1a1f36; } .problem { color: #b3261e; } .note { color: #5b6275; font-size: .85rem; }
`

/** A page that says that it is a simulator's. */
export const page = (title: string, body: Markup): Markup => html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <style>${raw(style)}</style>
  </head>
  <body>
    <main>
      <h1>${title}</h1>
      ${body}
      <p class="note">Simulator of Plinth: no money moves here.</p>
    </main>
  </body>
</html>`

/** Currencies whose minor unit is not a hundredth. */
const decimals: Readonly<Record<string, number>> = {
  bif: 0,
  clp: 0,
  djf: 0,
  gnf: 0,
  jpy: 0,
  kmf: 0,
  krw: 0,
  mga: 0,
  pyg: 0,
  rwf: 0,
  ugx: 0,
  vnd: 0,
  vuv: 0,
  xaf: 0,
  xof: 0,
  xpf: 0,
  bhd: 3,
  jod: 3,
  kwd: 3,
  omr: 3,
  tnd: 3,
}

/** Minor units as people read them: 12.50 THB. */
export function money(amount: number | null, currency: string | null): string {
  const digits = decimals[(currency ?? '').toLowerCase()] ?? 2
  return `${((amount ?? 0) / 10 ** digits).toFixed(digits)} ${(currency ?? '').toUpperCase()}`
}
