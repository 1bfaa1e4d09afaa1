import { storageErrors } from '../errors.ts'

/** As much of a file as its type is found out from. Bytes. */
export const headBytes = 4_100

/** What clients send when nobody said anything; storage-js says text/plain of every buffer. */
const unspecific = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'text/plain'])

/** Types whose files begin with bytes that say so: what does not, is none. */
const telling =
  /^(image\/(png|jpe?g|gif|webp|avif|heic|tiff|bmp)|video\/(mp4|webm|quicktime)|audio\/(mpeg|mp4|ogg|flac|wav)|application\/(pdf|zip|gzip))$/

/** Types that one container, or several names of one format, may rightly be called. */
const families: readonly RegExp[] = [
  /^(image\/(jpeg|jpg|pjpeg))$/,
  /^(image\/(png|apng|x-png))$/,
  /^(image\/(bmp|x-ms-bmp|x-bmp))$/,
  /^(image\/(x-icon|vnd\.microsoft\.icon))$/,
  /^(image\/(heic|heif|heic-sequence|heif-sequence|avif))$/,
  /^((video|audio)\/(mp4|x-m4a|m4a|x-m4v|quicktime|3gpp2?|aac))$/,
  /^((video|audio)\/(webm|matroska|x-matroska))$/,
  /^((video|audio|application)\/(ogg|opus))$/,
  /^(audio\/(mpeg|mp3|mpeg3|x-mpeg-3|aac))$/,
  /^(audio\/(wav|wave|x-wav|vnd\.wave))$/,
  /^(audio\/(flac|x-flac))$/,
  /^(application\/(gzip|x-gzip|x-tgz|x-tar|x-compressed-tar|x-compressed))$/,
  /^(application|text)\/(xml|rss\+xml|atom\+xml|xhtml\+xml)$|^image\/svg\+xml$/,
  /^(application\/(rtf|x-rtf))$|^text\/rtf$/,
]

/** Containers of many formats: whoever says more than that is believed. */
const containers = new Set(['application/zip', 'application/x-cfb', 'application/x-tar'])

/** A content type without its parameters, in lower case. */
export const essenceOf = (type: string): string => type.split(';', 1)[0]!.trim().toLowerCase()

/** True when one of `patterns` (`image/png`, `image/*`, `*`) takes the type. */
export function isAllowedType(type: string, patterns: readonly string[]): boolean {
  const essence = essenceOf(type)
  return patterns.some((pattern) => {
    const wanted = essenceOf(pattern)
    return (
      wanted === '*' ||
      wanted === '*/*' ||
      wanted === essence ||
      (wanted.endsWith('/*') && essence.startsWith(wanted.slice(0, -1)))
    )
  })
}

/**
 * The type under which a file is kept, from its first bytes and from what the uploader says of it. In a bucket that takes
 * certain types, the content must be one of them: fails with `mime_type_refused` or `content_mismatch`. Elsewhere what the
 * content is counts for more than what is said.
 */
export async function decideType(
  head: Buffer,
  declared: string,
  allowed: readonly string[] | null,
): Promise<string> {
  const said = essenceOf(declared)
  const detected = await detectType(head)
  const type = chooseType(said, declared, detected)
  if (!allowed) return type
  if (!isAllowedType(unspecific.has(said) ? type : declared, allowed))
    throw storageErrors.mime_type_refused({
      type: said || 'of this content',
      allowed: allowed.join(', '),
    })
  if (!isAllowedType(type, allowed))
    throw storageErrors.content_mismatch({ detected: detected ?? 'of no known kind', declared: said })
  return type
}

function chooseType(said: string, declared: string, detected: string | undefined): string {
  if (!detected) {
    if (telling.test(said)) return 'application/octet-stream'
    return said === '' ? 'application/octet-stream' : declared
  }
  if (isAlike(said, detected)) return declared
  return detected
}

const isAlike = (said: string, detected: string): boolean =>
  said === detected ||
  (containers.has(detected) && said.startsWith('application/') && !unspecific.has(said)) ||
  families.some((family) => family.test(said) && family.test(detected))

/** The type by magic bytes, or by the markup at the beginning; undefined for text and what nobody knows. */
async function detectType(head: Buffer): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type')
  const found = await fileTypeFromBuffer(head)
  if (found && found.mime !== 'application/xml') return found.mime
  return detectMarkup(head) ?? found?.mime
}

const beginning = 1_024

/** Markup that a browser would run scripts of, by what the WHATWG's MIME sniffing looks for. */
function detectMarkup(head: Buffer): string | undefined {
  const text = decodeStart(head).replace(/^\uFEFF/, '')
  const start = skipComments(text).toLowerCase()
  if (/^<(!doctype html|html|head|script|iframe|body|style|title|h1|div|table|a |a>|p>|br)/.test(start))
    return 'text/html'
  if (/^<(\?xml|!doctype svg|svg|[a-z]+:svg)/.test(start))
    return /<([a-z]+:)?svg[\s>]/.test(start) ? 'image/svg+xml' : 'application/xml'
  return undefined
}

function decodeStart(head: Buffer): string {
  const start = head.subarray(0, beginning)
  if (start[0] === 0xff && start[1] === 0xfe) return start.toString('utf16le')
  if (start[0] === 0xfe && start[1] === 0xff)
    return Buffer.from(start.subarray(0, start.length & ~1))
      .swap16()
      .toString('utf16le')
  return start.toString('latin1').replace(/^\xef\xbb\xbf/, '')
}

function skipComments(text: string): string {
  let rest = text.trimStart()
  while (rest.startsWith('<!--')) {
    const end = rest.indexOf('-->')
    if (end < 0) return ''
    rest = rest.slice(end + 3).trimStart()
  }
  return rest
}
