import { defineErrors } from '../kernel/index.ts'

export const rewindErrors = defineErrors({
  rewind_unknown_tenant: {
    status: 404,
    message: 'There is no tenant "{tenant}" in {system}.{suggestion}',
    hint: 'A tenant is named by the key of its root row, written as the journal prints it (`plinth journal show`).',
  },
  rewind_unknown_table: {
    status: 400,
    message: 'There is no journalled table {table}.',
    hint: 'The tables of a rewind are among those that the system journals: {known}.',
  },
  rewind_unknown_point: {
    status: 400,
    message:
      'There is no point "{to}" to rewind to: give an instant that has passed or a number from 0 to {last}.',
    hint: '`plinth journal show` lists the changes with their numbers and times.',
  },
  rewind_unknown: {
    status: 404,
    message: 'The journal of {tenant} has no rewind {id}.',
    hint: 'It may have been archived, or have changed nothing. `plinth journal show` lists rewinds with their ids.',
  },
  rewind_too_old: {
    status: 409,
    message: '{to} is older than the journal: the oldest point is {oldest}.',
    hint: 'Rewind to that point or a later one.',
  },
  rewind_crosses_gap: {
    status: 409,
    message:
      'Changes after {to} are missing from the journal ({reason}): the oldest point from which on it is complete is {oldest}.',
    hint: 'Rewind to that point or a later one.',
  },
  rewind_archived: {
    status: 409,
    message: '{to} was archived: the oldest point of {tenant} is change {first}, of {oldest}.',
    hint: 'Rewind to that point or a later one.',
  },
  rewind_table_younger: {
    status: 409,
    message:
      'The changes of {table} are known since {since} only, which is after {to}, and the tenant has rows in it.',
    hint: 'Rewind to a later point.',
  },
  rewind_table_gone: {
    status: 409,
    message:
      'Changes of {table} would be undone, but it was dropped, renamed or taken out of the journal since.',
    hint: 'Rewind to a later point.',
  },
  rewind_schema_changed: {
    status: 409,
    message: '{table} was different at {to}: {problem}.',
    hint: 'Rewind to a point after the migration that changed it.',
  },
  rewind_row_moved: {
    status: 409,
    message: 'Row {key} of {table} went from one tenant to another since; so did {count} in all.',
    hint: 'Move them back first, or leave them where they are: `--leave-moved`.',
  },
  rewind_removes_tenant: {
    status: 409,
    message: 'The tenant {tenant} was not there at {to}: all of it would be removed.',
    hint: 'Rewind to a later point. If it is meant: `--remove-tenant`.',
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
    message: 'Other transactions hold rows of {tenant} for too long, or another rewind of it runs.',
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
