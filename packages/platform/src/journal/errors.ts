import { defineErrors } from '../kernel/index.ts'

export const journalErrors = defineErrors({
  journal_sealed_key: {
    status: 500,
    message: 'Column "{column}" of table "{table}" names the row or its tenant and cannot be sealed.',
    hint: 'Declare other columns as personal; use keys that say nothing about a person.',
  },
  journal_generated_key: {
    status: 500,
    message: 'Column "{column}" of table "{table}" names the row or its tenant and is generated.',
    hint: 'Use a key and a tenant column that are written: generated ones are not in every stream and cannot be rewound.',
  },
  journal_unknown_column: {
    status: 500,
    message: 'Table "{table}" has no column "{column}", which the system names.',
    hint: 'Correct the tenant or the personal columns in system.ts.',
  },
  journal_archive_broken: {
    status: 500,
    message: 'The archive of {day}, {file}, is not what was written.',
    hint: 'The day is still in the database. Put the file back, or delete its row of plinth_journal.archives to write it anew.',
  },
})
