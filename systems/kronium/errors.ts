import { defineErrors } from '@plinth/platform/kernel'

export const noteErrors = defineErrors({
  notebook_not_found: {
    status: 404,
    message: 'There is no notebook {notebookId}.',
    hint: 'It may have been deleted, or belong to somebody else.',
  },
  note_not_found: {
    status: 404,
    message: 'There is no note {noteId}.',
    hint: 'It may have been deleted, or belong to somebody else.',
  },
})
