import { defineErrors } from '../kernel/index.ts'

export const tailErrors = defineErrors({
  tail_protocol: {
    status: 500,
    message: 'The stream of changes sent {problem}.',
    hint: 'The tail starts over from what is stored. If it stays so, this PostgreSQL is not supported: report it.',
  },
  tail_not_held: {
    status: 503,
    message: 'Another node reads the changes of {system}.',
    hint: 'Ask that node, or wait for the mark to be fanned out.',
  },
  tail_timeout: {
    status: 503,
    message: 'The stream of {system} did not catch up within {milliseconds} ms.',
    hint: 'Look at the lag in /health; a long transaction or a slow disk holds it up.',
  },
  tail_not_followed: {
    status: 503,
    message: 'Nobody reads the changes of {system}.',
    hint: 'Start the server (`npm start`), which does.',
  },
  tail_unknown_table: {
    status: 500,
    message: 'The system names a table "{table}" that is not an ordinary table of schema public.',
    hint: 'Correct journalledTables or realtimeTables in system.ts, or add the table by a migration.',
  },
  tail_unknown_column: {
    status: 500,
    message: 'Table "{table}" has no column "{column}", which the system names.',
    hint: 'Correct the tenant or the personal columns in system.ts.',
  },
  tail_no_primary_key: {
    status: 500,
    message: 'Table "{table}" has no primary key, so its changes cannot be told apart.',
    hint: 'Add a primary key by a migration, or take the table out of journalledTables and realtimeTables.',
  },
  tail_virtual_column: {
    status: 500,
    message:
      'Column "{column}" of table "{table}" is a virtual generated column: PostgreSQL would refuse every update.',
    hint: 'Write `generated always as (…) stored`.',
  },
  tail_generated_key: {
    status: 500,
    message: 'Column "{column}" of table "{table}" names the row or its tenant and is generated.',
    hint: 'Use a key and a tenant column that are written: generated ones are not in every stream and cannot be rewound.',
  },
  tail_sealed_key: {
    status: 500,
    message: 'Column "{column}" of table "{table}" names the row or its tenant and cannot be sealed.',
    hint: 'Declare other columns as personal; use keys that say nothing about a person.',
  },
  webhook_url_invalid: {
    status: 400,
    message: '"{url}" is no address that a webhook can be sent to.',
    hint: 'Give an https:// address.',
  },
  journal_overtaken: {
    status: 503,
    message: 'Another process has stored the changes of {system} meanwhile.',
    hint: 'Nothing was written twice; this process waits for its turn.',
  },
  journal_heads_altered: {
    status: 500,
    message: 'The file of chain heads {file} was altered.',
    hint: 'Somebody changed the data folder. What the database holds can still be verified by itself.',
  },
  journal_archive_broken: {
    status: 500,
    message: 'The archive of {day}, {file}, is not what was written.',
    hint: 'The day is still in the database. Put the file back, or delete its row of plinth.journal_archives to write it anew.',
  },
  rewind_unknown_point: {
    status: 400,
    message:
      'There is no point "{to}" to rewind to: give an instant that has passed or a number from 0 to {last}.',
    hint: '`plinth journal show` lists the changes with their numbers and times.',
  },
  rewind_crosses_gap: {
    status: 409,
    message: 'Changes between {to} and {until} are not in the journal ({reason}).',
    hint: 'Rewind to a later point, or restore a backup.',
  },
  rewind_archived: {
    status: 409,
    message: 'The journal of {tenant} goes back to change {first} only; older ones were archived.',
    hint: 'Rewind to a later point, or restore a backup.',
  },
  rewind_table_younger: {
    status: 409,
    message: 'Table {table} is journalled since {since} only, which is after {to}.',
    hint: 'Rewind to a later point.',
  },
  rewind_table_gone: {
    status: 409,
    message:
      'Changes of {table} would be undone, but it was dropped, renamed or taken out of the journal since.',
    hint: 'Rewind to a later point, or restore a backup.',
  },
  rewind_schema_changed: {
    status: 409,
    message: 'Column "{column}" of {table} was different at {to}: {problem}.',
    hint: 'Rewind to a point after the migration that added or changed it.',
  },
  rewind_row_moved: {
    status: 409,
    message: 'Row {key} of {table} belongs to another tenant now.',
    hint: 'Give it back first; a rewind touches no rows of others.',
  },
  rewind_conflict: {
    status: 409,
    message: 'The rows of that time do not fit beside those of today: {problem}',
    hint: 'Nothing was changed. Another tenant may hold a value that must be unique.',
  },
  rewind_orphans: {
    status: 409,
    message: 'Rows of {child} refer to rows of {parent} that would be missing ({constraint}).',
    hint: 'Nothing was changed. Remove those rows, or journal their table so that it is rewound with the others.',
  },
  rewind_busy: {
    status: 503,
    message: 'Other transactions hold the tables of {system} for too long.',
    hint: 'Nothing was changed. Try again when the long transaction has ended.',
  },
  rewind_forbidden: {
    status: 409,
    message: 'The owner of the system may not see or write all rows that would be rewound: {problem}.',
    hint: 'Nothing was changed. Take `force row level security` off for the rewind, or give the table to the owner.',
  },
  rewind_not_permitted: {
    status: 500,
    message: 'The administrator of this PostgreSQL may not switch triggers off.',
    hint: 'Grant it once: `grant set on parameter session_replication_role to …`.',
  },
})
