import { defineErrors } from '@plinth/platform/kernel'

const nothingChanged = 'Nothing was changed.'

/** What can go wrong with courses. SQL raises the same codes by `plinth.refuse`. */
export const courseErrors = defineErrors({
  event_not_found: {
    status: 404,
    message: 'There is no such event.',
    hint: 'Check its id and who is signed in.',
  },
  event_cancelled: {
    status: 409,
    message: 'The event was cancelled.',
    hint: 'What was paid for it goes back.',
  },
  event_started: { status: 409, message: 'The event has begun.', hint: nothingChanged },
  event_over: { status: 409, message: 'The event is over.', hint: nothingChanged },
  event_full: { status: 409, message: 'No seat is free.', hint: 'Join the waitlist.' },
  coupon_invalid: {
    status: 422,
    message: 'This coupon does not count for this event.',
    hint: 'Check the code, and for what it is and until when.',
  },
  coupon_used: { status: 409, message: 'You have used this coupon.', hint: 'Register without it.' },
  coupon_used_up: {
    status: 409,
    message: 'This coupon was used as often as it may be.',
    hint: 'Register without it.',
  },
  coupon_fixed: {
    status: 409,
    message: 'A registration keeps the price that it began with.',
    hint: 'Cancel it, and register with the coupon.',
  },
  referral_invalid: {
    status: 422,
    message: 'This referral code does not count.',
    hint: 'It is unknown, or your own. Register without it.',
  },
  registration_not_found: {
    status: 404,
    message: 'There is no such registration.',
    hint: 'Check its id and who is signed in.',
  },
  already_registered: { status: 409, message: 'You have a seat.', hint: nothingChanged },
  nothing_to_pay: {
    status: 409,
    message: 'Nothing is to be paid for this registration.',
    hint: 'It is paid, free of charge or cancelled.',
  },
  payment_not_found: {
    status: 404,
    message: 'There is no such payment.',
    hint: 'Send what Razorpay’s window gave, as who paid.',
  },
  not_paid: { status: 403, message: 'This registration is not paid.', hint: 'Pay it first.' },
  no_seat: { status: 409, message: 'This registration has no seat.', hint: nothingChanged },
  transfer_not_found: {
    status: 404,
    message: 'There is no such offer for an address that you have proven.',
    hint: 'Sign in with the address that it went to.',
  },
  transfers_used_up: {
    status: 409,
    message: 'This seat was offered as often as it may be.',
    hint: nothingChanged,
  },
  checkin_closed: {
    status: 409,
    message: 'One cannot check in now.',
    hint: 'Check in from some minutes before the start until the end.',
  },
  code_wrong: {
    status: 403,
    message: 'This is not the code of the session.',
    hint: 'Read the code again: it changes every 30 seconds.',
  },
  attendance_not_found: {
    status: 404,
    message: 'There is no such stay.',
    hint: 'Check its id and who is signed in.',
  },
  stay_invalid: {
    status: 422,
    message: 'A stay lies within the session, and in the past.',
    hint: nothingChanged,
  },
  reason_required: { status: 422, message: 'A reason is needed.', hint: 'Say why, in 3 to 1000 characters.' },
  events_invalid: {
    status: 422,
    message: 'Events come as a list of at most 100.',
    hint: 'Send less at once.',
  },
  admin_required: {
    status: 403,
    message: 'Only an administrator may do this.',
    hint: 'Sign in as an administrator.',
  },
  action_unknown: {
    status: 400,
    message: 'There is no such action.',
    hint: 'POST ?action=checkin or checkout, GET ?action=history.',
  },
})
