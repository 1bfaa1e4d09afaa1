import type { Header } from '@plinth/platform/tabular'
import { importErrors } from '../errors.ts'

/** Anything that is recognised by the columns its header names. */
export interface RecognisableFormat {
  readonly name: string
  readonly columns: readonly string[]
}

/**
 * Finds the format whose columns the header names, or checks the one that was asked for.
 * Fails with `import_unknown_columns`, `import_missing_columns`.
 */
export function detectFormat<Format extends RecognisableFormat>(
  { columns, places }: Header,
  formats: readonly Format[],
  source: string,
  wanted?: string,
): Format {
  const lacking = (format: Format) => format.columns.filter((column) => !places.has(column))
  const format = wanted
    ? formats.find(({ name }) => name === wanted)
    : formats.find((candidate) => lacking(candidate).length === 0)
  if (!format) {
    const close = formats.find((candidate) => lacking(candidate).length <= candidate.columns.length / 2)
    if (close && !wanted) throw missing(source, close, lacking(close))
    throw importErrors.import_unknown_columns({
      source,
      columns: columns.slice(0, 12).join(', ').slice(0, 200),
      formats: formats.map((known) => `${known.name} (${known.columns.join(', ')})`).join('; '),
    })
  }
  if (lacking(format).length > 0) throw missing(source, format, lacking(format))
  return format
}

const missing = (source: string, format: RecognisableFormat, columns: readonly string[]) =>
  importErrors.import_missing_columns({ source, format: format.name, columns: columns.join(', ') })
