import { defineErrors } from '../kernel/index.ts'

export const backupErrors = defineErrors({
  backup_unknown: {
    status: 404,
    message: 'There is no backup {id}.',
    hint: '`plinth backup list` shows the backups of a system. A backup may have left by its retention.',
  },
  backup_unknown_tenant: {
    status: 404,
    message: 'There is no tenant "{tenant}" in {system}.',
    hint: 'A tenant is named by the key of its root row, written as PostgreSQL prints it.',
  },
  backup_unknown_table: {
    status: 400,
    message: 'The backup has no table {table}.',
    hint: 'Its tables are: {known}.',
  },
  backup_not_complete: {
    status: 409,
    message: 'Backup {id} is {status}.',
    hint: 'Only a completed backup can be read. `plinth backup list` shows them.',
  },
  backup_busy: {
    status: 409,
    message: 'Another backup, restore or rewind of "{tenant}" is under way.',
    hint: 'Nothing was done. Try again when it has ended.',
  },
  backup_table_without_key: {
    status: 500,
    message: 'Table {table} has no primary key: its rows cannot be told apart.',
    hint: 'Add a primary key, or name the table in `backups({ leaves: […] })`.',
  },
  backup_damaged: {
    status: 500,
    message: 'The backup is damaged: {problem}.',
    hint: 'Restore from another one, or from the second place. `plinth backup verify` tells which are whole.',
  },
  backup_part_missing: {
    status: 500,
    message: 'The backup is not whole: {name} is missing.',
    hint: 'Restore from another one, or from the second place. `plinth backup verify` tells which are whole.',
  },
  backup_wrong_key: {
    status: 500,
    message: 'The backup was made with the key {wanted}; here are the keys {known}.',
    hint: 'Put the sealing key of that project into its data folder, or name it in PLINTH_<SYSTEM>_BACKUPS_OLD_KEYS.',
  },
  backup_foreign: {
    status: 400,
    message: 'The backup is one of {found}, not of {wanted}.',
    hint: 'A backup is restored into the system that it was taken of.',
  },
  backup_place_full: {
    status: 507,
    message: 'There is no room where the backups lie.',
    hint: 'Make room or set a shorter retention; the backups that are there stay as they are.',
  },
  backup_place_gone: {
    status: 503,
    message: 'The place of the backups cannot be used: {problem}.',
    hint: 'Check that the folder is mounted, or that S3 answers with these credentials.',
  },
  backup_schema_changed: {
    status: 409,
    message: 'Table {table} is another one today: {problem}.',
    hint: 'Restore into a project of the version that made the backup, then upgrade that one.',
  },
  backup_row_moved: {
    status: 409,
    message: '{count} rows of the backup belong to another tenant today, among them {key} of {table}.',
    hint: 'Move them back first, or leave them where they are: `leaveMoved`.',
  },
  backup_conflict: {
    status: 409,
    message: 'The rows of the backup do not fit beside those of today: {problem}',
    hint: 'Nothing was changed. Another tenant may hold a value that must be unique.',
  },
  backup_orphans: {
    status: 409,
    message: 'Rows of {child} would refer to rows of {parent} that are not there ({constraint}).',
    hint: 'Nothing was changed. Restore {parent} as well.',
  },
  backup_copy_impossible: {
    status: 400,
    message: 'The backup cannot be copied to "{tenant}": {problem}.',
    hint: 'Choose the key of a tenant that is not there, of the type of the root table’s key.',
  },
  backup_key_columns: {
    status: 400,
    message: 'Rows of {table} cannot be chosen by one id: its key has {count} columns.',
    hint: 'Restore the whole table, or name tables whose key is one column.',
  },
  backup_not_sound: {
    status: 500,
    message: 'The restored data is not what was backed up: {problem}.',
    hint: 'Nothing was kept. Take a full backup now, and see what the receipt says.',
  },
  backup_of_project: {
    status: 409,
    message: 'Backup {id} is one of the whole project.',
    hint: 'A whole project comes back on an empty machine: `plinth backup restore-project`. See docs/recovery.md.',
  },
  backup_cannot_rehearse: {
    status: 501,
    message: 'There is no cluster in which a scratch database can be made.',
    hint: 'The server and `plinth backup` rehearse; a project that is opened without its cluster does not.',
  },
})
