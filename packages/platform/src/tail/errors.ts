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
  tail_off: {
    status: 503,
    message:
      'PostgreSQL gives out no changes of {system}, so there is no journal, no rewind and no realtime of tables.',
    hint: 'Set wal_level = logical, let the administrator replicate, and restart both; `plinth health` says what is missing.',
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
  tail_lock_taken: {
    status: 500,
    message:
      'A session of {role} holds the lock under which the stream of {system} is prepared, so nobody reads it.',
    hint: 'End that session: no SQL of a system takes the advisory lock {lock}.',
  },
  tail_unknown_table: {
    status: 500,
    message: 'The system names a table "{table}" that is not an ordinary table of schema public.',
    hint: 'Correct journalledTables or realtimeTables in system.ts, or add the table by a migration.',
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
  tail_overtaken: {
    status: 503,
    message: 'Another process has stored the changes of {system} meanwhile.',
    hint: 'Nothing was written twice; this process waits for its turn.',
  },
})
