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
  share_exceeded: {
    status: 429,
    message: 'This took long while others waited, and you had more than your share of the connections.',
    hint: 'It only read: nothing was changed. Ask for less at once, or for one thing after the other.',
  },
  client_gone: {
    status: 499,
    message: 'The client closed the connection before there was an answer.',
    hint: 'Nobody reads this. It was a read: it ended in the database as well.',
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
  database_of_other_secrets: {
    status: 500,
    message: 'Database {database} is there already, and it was made with the secrets of another data folder.',
    hint: 'Set PLINTH_DATA_DIR to that folder, or copy its `secrets` here. If they are lost for good, an administrator runs `comment on database {database} is null`: then everybody has to sign in again, and what was sealed stays sealed.',
  },
  migration_edited: {
    status: 500,
    message: 'Migration {set}/{name} is not the one that was applied to {database}: its text differs.',
    hint: 'If you edited the file, restore it and add a new migration. Otherwise another version of Plinth made this data folder: start that version, or set PLINTH_DATA_DIR to a new folder and import your data again.',
  },
  migration_missing: {
    status: 500,
    message: 'Migration {set}/{name} was applied to {database}, but this version of Plinth does not have it.',
    hint: 'Another version of Plinth made this data folder: start that version, or set PLINTH_DATA_DIR to a new folder and import your data again. If you removed the file, restore it.',
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
  schema_taken: {
    status: 500,
    message: 'The schema {schema} of {database} belongs to {owner}, who could drop what is kept in it.',
    hint: 'It is Plinth’s: let its owner move what he keeps there and drop it, then start again.',
  },
  migration_failed: {
    status: 500,
    message: '{place}: {problem} (migration {set}/{name} on {database})',
    hint: 'The database is as it was before this migration. Correct the file and start again.',
  },
  migration_misnamed: {
    status: 500,
    message:
      '{file}: a migration is named by three digits, an underscore and lower-case words: 002_add_tags.sql.',
    hint: 'Rename the file; its number says when it is applied.',
  },
  migration_number_taken: {
    status: 500,
    message: '{file}: the number {number} is that of {first} already.',
    hint: 'Give the new migration the next number.',
  },
})
