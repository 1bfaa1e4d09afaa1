/** Characters that mean something in HTML. */
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as text in HTML, in attributes too. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (found) => entities[found]!)

const plain: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

/** What a reader without HTML sees: texts, and the addresses of links behind them. */
export function textOfHtml(html: string): string {
  const [start = '', ...parts] = html.split('<')
  let address: string | undefined
  const texts = parts.map((part) => {
    const end = part.indexOf('>')
    const [tag, text] = end < 0 ? ['', part] : [part.slice(0, end), part.slice(end + 1)]
    if (tag.startsWith('a ')) address = hrefOf(tag)
    if (tag !== '/a' || address === undefined) return ` ${text}`
    const link = `: ${address} ${text}`
    address = undefined
    return link
  })
  const readable = `${start}${texts.join('')}`.replace(/&(?:amp|lt|gt|quot|#39);/g, (found) => plain[found]!)
  const lines = readable.split('\n').map((line) => line.split(/[ \t]/).filter(Boolean).join(' '))
  return lines.filter(Boolean).join('\n')
}

function hrefOf(tag: string): string | undefined {
  const at = tag.indexOf('href="')
  const end = tag.indexOf('"', at + 6)
  return at < 0 || end < 0 ? undefined : tag.slice(at + 6, end)
}
