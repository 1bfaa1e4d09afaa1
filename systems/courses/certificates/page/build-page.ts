import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { CertificateBundle } from '../credential/bundle.ts'
import type { Issuer } from '../credential/issuer.ts'

export interface PageContent {
  readonly issuers: readonly Pick<Issuer, 'did' | 'name'>[]
  /** Verified as soon as the page opens. */
  readonly certificate?: CertificateBundle | undefined
  /** Status lists that the page brings along. */
  readonly lists?: readonly string[]
}

/** The page that verifies certificates offline, as one file: its policy lets it run its own script and load nothing. */
export async function buildPage({ issuers, certificate, lists = [] }: PageContent): Promise<string> {
  parts ??= readParts()
  const { style, script } = await parts
  const given = { issuers: issuers.map(({ did, name }) => ({ did, name })), certificate, lists }
  // In JSON, `<` can be written otherwise: nothing in a name ends the element.
  return frame(style, script, JSON.stringify(given).replaceAll('<', '\\u003c'))
}

const readParts = async () => {
  const fileOf = (name: string) => readFile(new URL(name, import.meta.url), 'utf8')
  const [style, verify, view] = await Promise.all(['page.css', 'verify.js', 'view.js'].map(fileOf))
  return { style: style!, script: `${verify}\n${view}` }
}

let parts: ReturnType<typeof readParts> | undefined

const sha256 = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`

const frame = (style: string, script: string, given: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${sha256(script)}; style-src ${sha256(style)}; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<title>Verify a certificate</title>
<style>${style}</style>
<main>
  <h1>Verify a certificate</h1>
  <p>This page works without a network: keep it, and it verifies when its server is gone. It sends nothing to anybody.</p>
  <label>Certificate: the PDF or its JSON file
    <input id="certificate" type="file" accept=".pdf,.json,application/pdf,application/json">
  </label>
  <label>Newer status list, if you have one
    <input id="lists" type="file" multiple accept=".jwt,.txt,.json">
  </label>
  <section id="result" role="status" aria-live="polite" hidden>
    <h2 id="state"></h2>
    <p id="reason"></p>
    <dl id="facts"></dl>
  </section>
  <details>
    <summary>Whose certificates this page accepts</summary>
    <ul id="issuers"></ul>
    <p>Compare the identifier with the one that the issuer publishes elsewhere: whoever can exchange this page can exchange it too.</p>
  </details>
</main>
<script type="application/json" id="given">${given}</script>
<script type="module">${script}</script>
</html>
`
