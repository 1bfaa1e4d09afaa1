import { defineErrors } from '@plinth/platform/kernel'

/** What stops an import as a whole; what is wrong with a single line is a finding of its report instead. */
export const importErrors = defineErrors({
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
