/** The value of a cookie in a `Cookie` header, decoded; of several with one name the first (RFC 6265, section 5.4). */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const split = part.indexOf('=')
    if (split >= 0 && part.slice(0, split).trim() === name) return decode(part.slice(split + 1).trim())
  }
  return undefined
}

function decode(text: string): string {
  const plain = text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}
