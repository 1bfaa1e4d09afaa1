import { defineErrors } from '../kernel/index.ts'

export const privacyErrors = defineErrors({
  no_tenants: {
    status: 400,
    message: 'System {system} has no tenants.',
    hint: 'A person’s data is exported and erased by `plinth person`.',
  },
  unknown_tenant: {
    status: 404,
    message: 'There is no tenant {tenant} in {system}.',
    hint: 'A tenant is named by the key of its row in {table}.',
  },
  unknown_person: {
    status: 404,
    message: 'Nothing is known of {person} in {system}.',
    hint: 'A person is named as the personal columns name them: an e-mail address, a user’s id.',
  },
  erasure_refused: {
    status: 409,
    message: 'The rows cannot be erased: {problem}',
    hint: 'Nothing was changed. Rows of other tenants, or a rule of the system, stand in the way.',
  },
  erasure_not_journalled: {
    status: 503,
    message: 'The rows are erased, but the journal has not caught up with that yet.',
    hint: 'Erase the person again: their key in the journal is destroyed once more.',
  },
  export_folder_not_empty: {
    status: 409,
    message: 'The folder {folder} is not empty.',
    hint: 'Name a folder that is not there yet.',
  },
})
