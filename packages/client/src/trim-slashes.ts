/** A path or an address without slashes at its end, and with `both` at its beginning; in time that grows with its length. */
export function trimSlashes(text: string, where: 'end' | 'start' | 'both' = 'end'): string {
  let [from, to] = [0, text.length]
  if (where !== 'start') while (to > from && text[to - 1] === '/') to -= 1
  if (where !== 'end') while (from < to && text[from] === '/') from += 1
  return text.slice(from, to)
}
