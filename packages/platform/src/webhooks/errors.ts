import { defineErrors } from '../kernel/index.ts'

export const webhookErrors = defineErrors({
  webhook_url_invalid: {
    status: 400,
    message: '"{url}" is no address that a webhook can be sent to.',
    hint: 'Give an https:// address.',
  },
})
