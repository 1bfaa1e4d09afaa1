import { defineErrors } from '@plinth/platform/kernel'

/** What can go wrong with certificates. */
export const certificateErrors = defineErrors({
  certificate_not_found: {
    status: 404,
    message: 'There is no such certificate.',
    hint: 'Check the address or the number, letter by letter.',
  },
  certificate_not_due: {
    status: 409,
    message: 'There is no certificate for this registration yet.',
    hint: 'The details say why: it is not paid, the event is not over, or the attendance was too short.',
  },
  certificate_revoked: {
    status: 409,
    message: 'The certificate was revoked already.',
    hint: 'Issue it again when it holds after all: it keeps its number and address.',
  },
  certificate_not_printed: {
    status: 409,
    message: 'The PDF of this certificate is not made yet.',
    hint: 'Ask again in a minute. The certificate itself holds already, and `type=json` gives the file that proves it.',
  },
  certificate_issuer_lost: {
    status: 409,
    message: 'This certificate was signed with a key that this server does not have any more.',
    hint: 'The holder’s own file verifies as before, against {issuer}. An administrator can issue the certificate again.',
  },
  certificate_altered: {
    status: 500,
    message: 'The record of this certificate is not what the issuer signed.',
    hint: 'The operator has to look at the database: plinth health names what differs. The holder’s own file can still be verified.',
  },
})
