/**
 * Which sign separates decimals. `point`: 1,234.50; `comma`: 1.234,50 or 1 234,50. `either`: a point, or a comma that
 * cannot be a separator of thousands: `1,5` is 1.5, and `1,234` is refused because it may be either.
 */
export type DecimalSign = 'point' | 'comma' | 'either'

const shapes: Readonly<Record<DecimalSign, RegExp>> = {
  point: /^(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?$/,
  comma: /^(?:\d+|\d{1,3}(?:[. \u00a0\u202f]\d{3})+)(?:,\d+)?$/,
  either: /^\d+(?:\.\d+|,\d{1,2}|,\d{4,})?$/,
}

/** What separates thousands. */
const separators: Readonly<Record<DecimalSign, RegExp>> = {
  point: /,/g,
  comma: /[. \u00a0\u202f]/g,
  either: /(?!)/g,
}

/** Longer text is no number that anybody writes. */
const longest = 60

/** A decimal as plain text with a point (`-1234.50`), every digit as written; undefined for text that is none. */
export function readDecimal(text: string, sign: DecimalSign): string | undefined {
  const [, minus = '', digits = ''] = /^([+-]?)(.*)$/.exec(text.length > longest ? '' : text.trim()) ?? []
  if (!shapes[sign].test(digits)) return undefined
  const plain = digits.replace(separators[sign], '').replace(',', '.')
  return minus === '-' ? `-${plain}` : plain
}
