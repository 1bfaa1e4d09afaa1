import { defineErrors } from '@plinth/platform/kernel'

export const ticketErrors = defineErrors({
  show_not_found: {
    status: 404,
    message: 'There is no such show.',
    hint: 'See the list of shows.',
  },
})
