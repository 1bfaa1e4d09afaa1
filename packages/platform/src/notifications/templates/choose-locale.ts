/**
 * Of the locales that there are, the one for somebody who asks for `wanted`: `pt-BR`, then any of `pt`, then the first.
 * Letter case and `_` for `-` make no difference.
 */
export function chooseLocale(available: readonly string[], wanted: string | null | undefined): string {
  const [first = 'en'] = available
  if (!wanted) return first
  const parts = normalise(wanted).split('-')
  for (let length = parts.length; length > 0; length -= 1) {
    const found = available.find((locale) => normalise(locale) === parts.slice(0, length).join('-'))
    if (found) return found
  }
  return available.find((locale) => normalise(locale).split('-')[0] === parts[0]) ?? first
}

const normalise = (locale: string): string => locale.toLowerCase().replaceAll('_', '-')
