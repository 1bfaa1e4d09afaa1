import { defineErrors } from '../kernel/index.ts'

/** What payments refuse; the first ones are raised by its SQL. */
export const paymentErrors = defineErrors({
  ledger_unbalanced: {
    status: 422,
    message:
      'A ledger transaction needs a key and two lines or more, each of its own account and not zero, that sum to zero in each currency.',
    hint: 'Nothing was posted.',
  },
  ledger_account_unknown: {
    status: 404,
    message: 'There is no account {accounts}.',
    hint: 'Open it first: plinth.open_ledger_account.',
  },
  ledger_account_differs: {
    status: 409,
    message: 'The account {account} exists already, with another kind or limit.',
    hint: 'Open an account of another name.',
  },
  ledger_account_frozen: {
    status: 423,
    message: 'The account {account} is frozen.',
    hint: 'A check found it wrong. Look at plinth.ledger_accounts.frozen_because, correct the cause, and thaw it.',
  },
  ledger_overdrawn: {
    status: 409,
    message: 'The account {account} may not be overdrawn.',
    hint: 'Nothing was posted.',
  },
  ledger_key_taken: {
    status: 409,
    message: 'Another transaction was posted under this key.',
    hint: 'A key names one cause: give another cause another key.',
  },
  order_unknown: {
    status: 404,
    message: 'There is no such order.',
    hint: 'Check the id; an order of somebody else is answered in the same way.',
  },
  order_differs: {
    status: 409,
    message: 'The order exists with another amount.',
    hint: 'What costs something else is another order: give it another reference.',
  },
  order_lines_differ: {
    status: 422,
    message: 'The lines of an order name an account each and sum to its amount.',
    hint: 'Give every line an account and a positive amount in minor units.',
  },
  refund_exceeds_payment: {
    status: 409,
    message: 'No payment of this order has as much left to give back.',
    hint: 'Give back at most what was captured and is not given back yet.',
  },
  nothing_to_capture: {
    status: 409,
    message: 'No payment of this order waits to be captured.',
    hint: 'Only what is authorised, and not captured yet, can be captured.',
  },
  order_paid: {
    status: 409,
    message: 'The order is paid.',
    hint: 'Nothing is left to pay; ask for the order’s state.',
  },
  payment_signature_invalid: {
    status: 400,
    message: 'The signature does not fit what was sent.',
    hint: 'Send the bytes as they came from the provider, and set the secret that signs them.',
  },
  payment_event_unreadable: {
    status: 400,
    message: 'The event cannot be read: {problem}',
    hint: 'It is signed, and not of a shape that the provider documents.',
  },
  payment_provider_off: {
    status: 503,
    message: 'Payments by {provider} are not set up.',
    hint: 'Set its keys: plinth settings set <system> payments.{provider}.…',
  },
  payment_provider_failed: {
    status: 502,
    message: 'The payment provider did not do it: {problem}',
    hint: 'Try again later; the same call again is done once.',
  },
  payment_reference_taken: {
    status: 409,
    message: 'A payment with this reference was entered already.',
    hint: 'A transfer is entered once. Look the reference up before you enter another one.',
  },
  second_person_required: {
    status: 403,
    message: 'Somebody else than who entered the payment confirms it.',
    hint: 'Ask a colleague.',
  },
  manual_payment_unknown: {
    status: 404,
    message: 'There is no such payment to confirm or reverse.',
    hint: 'Check the id.',
  },
  plan_unknown: {
    status: 404,
    message: 'There is no plan {plan} with a price in {currency} for this period.',
    hint: 'See plinth.plans and plinth.plan_prices; a plan that is not open takes nobody new.',
  },
  subscription_exists: {
    status: 409,
    message: 'There is a subscription already.',
    hint: 'Change its plan, or cancel it first.',
  },
  subscription_unknown: {
    status: 404,
    message: 'There is no such subscription.',
    hint: 'Check the id.',
  },
  subscription_over: {
    status: 409,
    message: 'The subscription is {status}.',
    hint: 'What was begun is paid first; what has ended is subscribed to anew.',
  },
})
