import { defineErrors } from '../kernel/index.ts'

export const webhookErrors = defineErrors({
  webhook_url_invalid: {
    status: 400,
    message: '"{url}" is no address that a webhook can be sent to.',
    hint: 'Give an https:// address.',
  },
  webhook_address_private: {
    status: 400,
    message: 'Webhooks do not go to {host}, which is an address of a private network or of this machine.',
    hint: 'Give a public address, or allow private ones: plinth settings set <system> webhooks.privateAddresses true',
  },
})
