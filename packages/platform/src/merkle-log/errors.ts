import { defineErrors } from '../kernel/index.ts'

/** What a Merkle log refuses. */
export const merkleLogErrors = defineErrors({
  log_altered: {
    status: 500,
    message: 'The log {log} was altered: {problem}.',
    hint: 'Nothing was appended. Restore the database from a backup; what the log had since then comes back from its copy in the data folder.',
  },
  no_such_leaf: {
    status: 404,
    message: 'The log has no leaf {index} among {size}.',
    hint: 'Ask with the index and the size that the log gave.',
  },
})
