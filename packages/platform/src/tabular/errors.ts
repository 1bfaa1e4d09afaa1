import { defineErrors } from '../kernel/index.ts'

/** What makes a file unreadable as a whole. */
export const tabularErrors = defineErrors({
  import_source_missing: {
    status: 400,
    message: 'The file {source} cannot be read: {problem}.',
    hint: 'Name a .csv or .csv.gz file that this process may read.',
  },
  import_source_damaged: {
    status: 400,
    message: 'The compressed file {source} {problem}. Nothing was imported.',
    hint: 'Copy or download the file again; `gzip -t` says whether it is whole.',
  },
  import_source_encoding: {
    status: 400,
    message: 'The file {source} is {encoding}, not CSV text. Nothing was imported.',
    hint: 'Save it as CSV in UTF-8, plain or gzipped, or as a workbook (.xlsx) without a password.',
  },
  import_workbook_unreadable: {
    status: 400,
    message: 'The workbook {source} {problem}. Nothing was imported.',
    hint: 'Save it again as .xlsx without a password, the rows in its first sheet; or save that sheet as CSV.',
  },
  import_source_empty: {
    status: 400,
    message: 'The file {source} is empty.',
    hint: 'The first line has to name the columns.',
  },
  import_malformed_csv: {
    status: 400,
    message: 'The file {source} is not CSV from line {line} on: {problem}. Nothing was imported.',
    hint: 'Close the quote, or double it when it is part of the text, and run the import again.',
  },
  import_record_too_long: {
    status: 400,
    message:
      'The record that starts at line {line} of {source} is longer than {limit} characters. Nothing was imported.',
    hint: 'Look for a quote that is never closed, or for a file that is not CSV.',
  },
  import_unknown_zone: {
    status: 400,
    message: 'There is no time zone {zone}.',
    hint: 'Name an IANA zone such as Europe/London.',
  },
  import_duplicate_column: {
    status: 400,
    message: 'The first line of {source} names the column {column} twice.',
    hint: 'Rename or remove one of them. With --map, no two columns may get the same name.',
  },
  import_unknown_column: {
    status: 400,
    message: 'The first line of {source} has no column {column}, which is to be read as {name}.',
    hint: 'The file has these columns: {columns}.',
  },
})
