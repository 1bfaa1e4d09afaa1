import { defineErrors } from '../../kernel/index.ts'

/** What can be wrong with the PostgreSQL under the server. Every one of these ends the start. */
export const engineErrors = defineErrors({
  data_folder_unwritable: {
    status: 500,
    message: 'The data folder {folder} cannot be written: {reason}.',
    hint: 'Give this user the folder, or point PLINTH_DATA_DIR to one it may write.',
  },
  data_folder_in_use: {
    status: 500,
    message: 'The data folder {folder} is in use by another Plinth server (process {pid}).',
    hint: 'Stop that server, or give this one its own folder with PLINTH_DATA_DIR.',
  },
  data_folder_foreign: {
    status: 500,
    message: 'The folder {folder} is not empty and was not made by Plinth.',
    hint: 'Point PLINTH_DATA_DIR to an empty or a new folder.',
  },
  data_folder_version: {
    status: 500,
    message: 'The data in {folder} was made by PostgreSQL {found}; this Plinth brings PostgreSQL {wanted}.',
    hint: 'Start it with the Plinth that made it and move the data by backup and restore.',
  },
  data_folder_corrupt: {
    status: 500,
    message: 'The data in {folder} is damaged: {reason}.',
    hint: 'Restore a backup into a new folder; nothing was changed in this one.',
  },
  data_folder_closed: {
    status: 500,
    message: 'PostgreSQL must not run as root, and the account "{account}" cannot enter {folder}.',
    hint: 'Allow user namespaces, open that folder (chmod o+x), or move the data folder elsewhere.',
  },
  disk_full: {
    status: 507,
    message: 'The disk that holds {folder} is full.',
    hint: 'Free some space and start again.',
  },
  postgres_binaries_missing: {
    status: 500,
    message: 'There is no PostgreSQL for this machine ({platform}): {reason}.',
    hint: 'Run `npm ci` without --omit=optional, or give a PostgreSQL of your own with DATABASE_URL.',
  },
  postgres_binaries_unusable: {
    status: 500,
    message: 'The PostgreSQL in {folder} does not run on this machine: {reason}.',
    hint: 'Run `npm ci` again on this machine, or give a PostgreSQL of your own with DATABASE_URL.',
  },
  postgres_port_in_use: {
    status: 500,
    message: 'Port {port}, wanted for PostgreSQL, is in use.',
    hint: 'Stop the program that listens there, or choose another port.',
  },
  loopback_missing: {
    status: 500,
    message: 'This machine does not let programs talk to each other on 127.0.0.1: {reason}.',
    hint: 'Bring the loopback interface up (ip link set lo up), or give a PostgreSQL of your own with DATABASE_URL.',
  },
  postgres_not_started: {
    status: 500,
    message: 'PostgreSQL did not start: {reason}.{log}',
    hint: 'Its whole log is shown with PLINTH_LOG=info.',
  },
  postgres_keeps_dying: {
    status: 500,
    message: 'PostgreSQL died {times} times within {seconds} s and is not restarted again: {reason}.',
    hint: 'Look at its log (PLINTH_LOG=info), memory and disk, then start Plinth again.',
  },
  external_postgres_unreachable: {
    status: 500,
    message: 'The PostgreSQL at {place} cannot be reached: {reason}.',
    hint: 'Check DATABASE_URL, the network and that PostgreSQL takes connections from here.',
  },
  external_postgres_too_old: {
    status: 500,
    message: 'The PostgreSQL at {place} is version {found}; Plinth needs {wanted} or newer.',
    hint: 'Upgrade it, or leave DATABASE_URL out to use the PostgreSQL that Plinth brings.',
  },
  external_postgres_read_only: {
    status: 500,
    message: 'The PostgreSQL at {place} is a standby: nothing can be written there.',
    hint: 'Let DATABASE_URL name the primary server.',
  },
  missing_privileges: {
    status: 500,
    message:
      'The PostgreSQL at {place} does not let "{role}" do what Plinth needs. An administrator can allow it with:\n{statements}',
    hint: 'Run these statements as a superuser, then start Plinth again.',
  },
})
