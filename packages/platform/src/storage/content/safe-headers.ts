import { essenceOf } from './decide-type.ts'

/** What a browser shows inside a page of its own without running anything. */
const inline =
  /^(image\/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon|heic|heif|tiff|apng)|(audio|video)\/[\w.+-]+|text\/(plain|csv|vtt)|application\/(pdf|json))$/

/** Nothing is loaded, run or sent, and the page belongs to no origin; style and pictures of its own stay. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"

/**
 * Headers that keep a file from acting in the name of the site that serves it: only what is known to be passive is shown
 * in the browser, everything else is downloaded. With `nosniff`, which every answer has, the type is what the header says.
 */
export function safeHeaders(type: string, download: string | undefined): Record<string, string> {
  const essence = essenceOf(type)
  const isPassive = inline.test(essence)
  return {
    'content-type': essence === 'text/html' ? 'text/plain; charset=utf-8' : headerText(type),
    // The viewer for PDF of a browser is a page of its own, which a sandbox would not let start.
    ...(essence === 'application/pdf' ? {} : { 'content-security-policy': policy }),
    ...(download === undefined && isPassive ? {} : { 'content-disposition': dispositionOf(download) }),
  }
}

/** RFC 6266: a plain name for old clients, and the true one. */
function dispositionOf(name: string | undefined): string {
  if (name === undefined || name === '') return 'attachment'
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}

const headerText = (text: string): string =>
  /^[\x20-\x7e]{1,200}$/.test(text) ? text : 'application/octet-stream'
