import { defineErrors } from '@plinth/platform/kernel'

/** What kronium refuses; SQL raises most of them, by the same codes. */
export const kroniumErrors = defineErrors({
  simple_ids_used_up: {
    status: 409,
    message: 'All simple ids are used.',
    hint: 'There are 1,757,582,424 of them.',
  },
  permission_required: {
    status: 403,
    message: 'This needs a permission that you do not have.',
    hint: 'An administrator decides about roles.',
  },
  column_is_fixed: {
    status: 403,
    message: 'This column is not written by you.',
    hint: 'Leave it out.',
  },
  last_admin: {
    status: 409,
    message: 'This is the last admin.',
    hint: 'Make somebody else admin first.',
  },
  unknown_limit: {
    status: 404,
    message: 'There is no such limit.',
    hint: 'limits() lists them.',
  },
  unknown_user: {
    status: 404,
    message: 'There is no such user.',
    hint: 'Check the id, and who is signed in.',
  },
  unknown_zone: {
    status: 422,
    message: 'There is no such time zone.',
    hint: 'Use an IANA name like Europe/London.',
  },
  unknown_service: {
    status: 404,
    message: 'There is no such service.',
    hint: 'GET /services lists those that there are.',
  },
  service_inactive: {
    status: 409,
    message: 'This service is not offered at the moment.',
    hint: 'Choose another service.',
  },
  service_in_use: {
    status: 409,
    message: 'This service has bookings that are to come.',
    hint: 'Set isActive to false: nobody books it then.',
  },
  unknown_resource: {
    status: 422,
    message: 'This resource does not do this service.',
    hint: 'GET /book/:service lists those that do.',
  },
  answer_missing: {
    status: 422,
    message: 'A question of the service wants an answer.',
    hint: 'The details name the question.',
  },
  answer_unfit: {
    status: 422,
    message: 'An answer does not fit its question.',
    hint: 'The details name the question.',
  },
  time_unfit: {
    status: 422,
    message: 'A booking begins at a whole minute.',
    hint: 'GET /services/:id/slots lists the times that are free.',
  },
  too_soon: {
    status: 409,
    message: 'The service is not booked at such short notice.',
    hint: 'Choose a later time.',
  },
  too_far: {
    status: 409,
    message: 'The service is not booked so far ahead.',
    hint: 'Choose an earlier time.',
  },
  closed_then: {
    status: 409,
    message: 'The service is closed at this time.',
    hint: 'GET /services/:id/slots lists the times that are free.',
  },
  slot_taken: {
    status: 409,
    message: 'This time is taken.',
    hint: 'Choose one of the alternatives in the details.',
  },
  too_many_bookings: {
    status: 409,
    message: 'A client has at most 100 bookings that are to come.',
    hint: 'Cancel one that is not wanted any more.',
  },
  booking_exists: {
    status: 409,
    message: 'There is a booking of this id.',
    hint: 'Read it; or use another id.',
  },
  unknown_booking: {
    status: 404,
    message: 'There is no such booking.',
    hint: 'Check the id, and who is signed in.',
  },
  invalid_transition: {
    status: 409,
    message: 'The booking does not go from its state to this one.',
    hint: 'docs/kronium.md has the table of states.',
  },
  not_begun: {
    status: 409,
    message: 'The booking has not begun.',
    hint: 'Nobody has failed to come yet.',
  },
  booking_is_closed: {
    status: 409,
    message: 'This booking is not moved any more.',
    hint: 'Make a new one.',
  },
  window_closed: {
    status: 409,
    message: 'The booking is too near to be changed by its client.',
    hint: 'Ask the staff.',
  },
  absence_of_calendar: {
    status: 409,
    message: 'Another calendar says so.',
    hint: 'Change it there.',
  },
  deposit_not_due: {
    status: 409,
    message: 'No deposit is due for this booking.',
    hint: 'See its depositStatus.',
  },
  link_invalid: {
    status: 404,
    message: 'This link leads nowhere.',
    hint: 'It may be incomplete, or its booking is over.',
  },
  calendar_unreadable: {
    status: 422,
    message: 'The calendar cannot be read: {problem}.',
    hint: 'Give the public address of an .ics file.',
  },
  unknown_project: {
    status: 404,
    message: 'There is no such project.',
    hint: 'Check the id, and who is signed in.',
  },
  too_many_projects: {
    status: 409,
    message: 'A client has at most 50 projects at a time.',
    hint: 'Wait until one is completed.',
  },
  append_only: {
    status: 409,
    message: 'What was told stays told.',
    hint: 'Tell what is right now.',
  },
  unknown_room: {
    status: 404,
    message: 'There is no such room.',
    hint: 'POST /chat/rooms opens yours.',
  },
  chat_too_fast: {
    status: 429,
    message: 'Too many messages in a minute.',
    hint: 'Wait a moment.',
  },
  too_many_feeds: {
    status: 409,
    message: 'A person has at most ten calendar addresses.',
    hint: 'Revoke one that you do not use.',
  },
  feed_is_revoked: {
    status: 409,
    message: 'A revoked address stays dead.',
    hint: 'Make a new one.',
  },
  changed_since: {
    status: 412,
    message: 'It has been changed since you read it.',
    hint: 'Read it again, and decide anew. The details hold what there is now.',
  },
})
