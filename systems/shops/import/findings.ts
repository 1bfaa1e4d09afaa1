/** How a finding ends: the line is left out, or it is taken in although it is odd. */
export type Severity = 'refused' | 'noted'

/** Every kind of oddity that a report can name, with how it ends. `docs/import.md` explains each. */
export const findingSeverities = {
  wrong_columns: 'refused',
  line_break_in_field: 'refused',
  nul_byte: 'refused',
  no_document: 'refused',
  no_code: 'refused',
  bad_quantity: 'refused',
  zero_quantity: 'refused',
  bad_price: 'refused',
  bad_time: 'refused',
  field_too_long: 'refused',
  order_incomplete: 'refused',
  order_too_long: 'refused',
  order_differs: 'refused',
  mixed_currency: 'refused',
  stock_out_of_range: 'refused',
  read_as_windows_1252: 'noted',
  time_skipped: 'noted',
  time_repeated: 'noted',
  times_differ: 'noted',
  duplicate_line: 'noted',
  no_customer: 'noted',
  no_description: 'noted',
  free_line: 'noted',
  negative_price: 'noted',
  negative_quantity: 'noted',
  positive_cancellation: 'noted',
  fractional_minor_unit: 'noted',
  accounting_entry: 'noted',
  stock_written_off: 'noted',
  stock_found: 'noted',
  return_without_sale: 'noted',
  opening_assumed: 'noted',
  duplicate_code: 'refused',
  stock_below_zero: 'noted',
} as const satisfies Record<string, Severity>

export type FindingCode = keyof typeof findingSeverities

/** One odd thing about one line of the file. */
export interface Finding {
  /** From 1; the header is line 1. */
  readonly line: number
  readonly severity: Severity
  readonly code: FindingCode
  /** What was found, in words. Text of the file in it is cut to 100 characters. */
  readonly text: string
}

/** What a format's reader says of a line; the line's number is known to whoever asked. */
export type Remark = readonly [code: FindingCode, text: string]

/** Text of the file, short enough for a message. */
export function quote(text: string): string {
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text
  return JSON.stringify(short)
}
