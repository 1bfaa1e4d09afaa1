type Row = Readonly<Record<string, unknown>>

/** Prints rows on standard output: as columns for a person, or as JSON. */
export function printRows(rows: readonly Row[], { json }: { readonly json?: boolean }): void {
  process.stdout.write(`${json ? JSON.stringify(rows, null, 2) : asColumns(rows)}\n`)
}

function asColumns(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {})
  if (names.length === 0) return '(none)'
  const lines = [names, ...rows.map((row) => names.map((name) => textOf(row[name])))]
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
