import { defineErrors } from '../kernel/index.ts'

export const databaseErrors = defineErrors({
  database_unavailable: {
    status: 503,
    message: 'The database cannot be reached.',
    hint: 'Try again in a few seconds; if it lasts, look at /health and at the server log.',
  },
  database_busy: {
    status: 503,
    message: 'All {connections} connections to the database of {system} are in use.',
    hint: 'Try again in a moment. If it happens often, slow statements are holding connections: look at /health.',
  },
  commit_rolled_back: {
    status: 500,
    message: 'The transaction was rolled back at its commit.',
    hint: 'Nothing was changed. A statement before the commit failed and its error was swallowed.',
  },
  forbidden_rows: {
    status: 403,
    message: 'The database does not let you do this: {problem}.',
    hint: 'The rows are not yours to read or write.',
  },
  conflicting_rows: {
    status: 409,
    message: 'This conflicts with rows that are there: {problem}.',
    hint: 'Read the rows again before you send another change.',
  },
  invalid_rows: {
    status: 400,
    message: 'The database refuses these values: {problem}.',
    hint: 'Correct the value that the message names.',
  },
  refused: {
    status: 400,
    message: '{problem}',
    hint: 'Nothing was changed.',
  },
  contended: {
    status: 503,
    message: 'Others were changing the same rows.',
    hint: 'Nothing was changed; try again.',
  },
  too_slow: {
    status: 504,
    message: 'This took longer than it may.',
    hint: 'Nothing was changed; ask for less at once.',
  },
  migration_edited: {
    status: 500,
    message: 'Migration {set}/{name} was edited after it had been applied to {database}.',
    hint: 'Released migrations never change: restore the file and add a new migration.',
  },
  migration_missing: {
    status: 500,
    message: 'Migration {set}/{name} was applied to {database}, but its file is gone.',
    hint: 'The database is newer than this version of Plinth: run the version that made it, or restore the file.',
  },
  migration_out_of_order: {
    status: 500,
    message:
      'Migration {set}/{name} is new, but {applied}, which comes after it, is already applied to {database}.',
    hint: 'Give the new migration a number after the last one.',
  },
  migration_not_atomic: {
    status: 500,
    message: 'Migration {set}/{name} begins or ends transactions by itself.',
    hint: 'Each migration already runs in a transaction of its own: take begin, commit and rollback out of the file.',
  },
  migration_failed: {
    status: 500,
    message: 'Migration {set}/{name} failed on {database}: {problem}',
    hint: 'The database is as it was before this migration. Correct the file and start again.',
  },
})
