import { defineErrors } from '../kernel/index.ts'

/** What the SQL of holds refuses. Message, hint and facts of a refusal come from SQL; its test compares codes and statuses. */
export const holdErrors = defineErrors({
  invalid_claim: {
    status: 422,
    message: 'The claim is not one.',
    hint: 'Nothing was changed. A claim needs a thing, a key, a positive quantity or a time, and an end.',
  },
  not_enough_units: {
    status: 409,
    message: 'Not enough units.',
    hint: 'Nothing was changed. The details list each short thing with what was wanted and what is available.',
  },
  already_committed: {
    status: 409,
    message: 'The key has committed something else already.',
    hint: 'Return it first, or use another key.',
  },
  hold_is_gone: {
    status: 409,
    message: 'The hold has expired or was committed or released.',
    hint: 'Hold again; it may be that somebody else was faster.',
  },
  nothing_to_return: {
    status: 409,
    message: 'More units would come back than were committed.',
    hint: 'Nothing was changed.',
  },
  thing_is_held: {
    status: 409,
    message: 'The thing is held.',
    hint: 'Commit or release its holds first.',
  },
  wrong_shape: {
    status: 409,
    message: 'The pool has another shape.',
    hint: 'A thing keeps the shape that its pool was made with.',
  },
  waitlist_closed: {
    status: 409,
    message: 'Nobody can wait for this any more.',
    hint: 'The waitlist is not open, or has closed.',
  },
  already_held: {
    status: 409,
    message: 'The key holds units already.',
    hint: 'There is nothing to wait for.',
  },
  offer_is_gone: {
    status: 409,
    message: 'There is no offer, or its time is over.',
    hint: 'Join the waitlist again.',
  },
})
