import { defineErrors } from '../kernel/index.ts'

export const rewindErrors = defineErrors({
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
    message: '{role} may not switch triggers off.',
    hint: 'A superuser grants it once: `grant set on parameter session_replication_role to {role}`.',
  },
})
