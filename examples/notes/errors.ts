import { defineErrors } from '@plinth/platform/kernel'

export const noteErrors = defineErrors({
  note_not_found: {
    status: 404,
    message: 'There is no note {noteId}.',
    hint: 'It may have been deleted, or belong to somebody else.',
  },
})
