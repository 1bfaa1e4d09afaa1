import { defineErrors } from '@plinth/platform/kernel'

/** What stops an import as a whole; what is wrong with a single line is a finding of its report instead. */
export const importErrors = defineErrors({
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
    hint: 'Save it as CSV in UTF-8, plain or gzipped.',
  },
  import_source_empty: {
    status: 400,
    message: 'The file {source} is empty.',
    hint: 'The first line has to name the columns.',
  },
  import_unknown_columns: {
    status: 400,
    message: 'The first line of {source} has no columns of a known format: {columns}.',
    hint: 'The first line has to name the columns as one of these formats does: {formats}.',
  },
  import_missing_columns: {
    status: 400,
    message: 'The file {source} lacks columns of the format {format}: {columns}.',
    hint: 'Export the file again with all columns, or name another format.',
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
  import_unknown_shop: {
    status: 404,
    message: 'There is no shop {shop}.',
    hint: 'Name the id of a shop: `select id, name from shops`.',
  },
  import_report_unwritable: {
    status: 400,
    message: 'The report {report} cannot be written: {problem}.',
    hint: 'Name a file in a folder that this process may write.',
  },
  import_running: {
    status: 409,
    message: 'Another import into the shop {shop} is running.',
    hint: 'Wait until it has ended, then start this one again.',
  },
  import_inconsistent: {
    status: 500,
    message:
      'After a step of the import the books of the shop would not add up ({problem}); the step was undone.',
    hint: 'Steps before it are kept. Report this with the file; running the import again continues after them.',
  },
})
