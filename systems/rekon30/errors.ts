import { defineErrors } from '@plinth/platform/kernel'

/** What can go wrong with businesses, their payments and their sales. SQL raises the same codes by `plinth.refuse`. */
export const rekon30Errors = defineErrors({
  super_admin_required: {
    status: 403,
    message: 'Only a super admin may do this.',
    hint: 'Sign in as a super admin. A service key acts for nobody and is not one.',
  },
  last_super_admin: {
    status: 409,
    message: 'The last active super admin cannot be removed.',
    hint: 'Add another one first.',
  },
  unknown_business: {
    status: 404,
    message: 'There is no such business.',
    hint: 'Check the business’s id and who is signed in.',
  },
  business_switched_off: {
    status: 403,
    message: 'This business is not switched on.',
    hint: 'Its data is untouched. It is switched on when its payment was verified.',
  },
  feature_disabled: {
    status: 403,
    message: 'This business does not have this feature.',
    hint: 'A super admin can switch it on.',
  },
  forbidden: {
    status: 403,
    message: 'Your role in this business does not allow this.',
    hint: 'An owner or a manager may.',
  },
  setting_type_differs: {
    status: 422,
    message: 'The setting has another type.',
    hint: 'Every value of a setting has the same type.',
  },
  setting_fixed: {
    status: 422,
    message: 'The platform’s currency does not change.',
    hint: 'Amounts of different currencies do not add up.',
  },
  verified_by_differs: {
    status: 403,
    message: 'verified_by must be the super admin who is signed in.',
    hint: 'Send your own id.',
  },
  invalid_payment: {
    status: 400,
    message: 'The payment is not as it should be.',
    hint: 'Nothing was changed.',
  },
  duplicate_reference: {
    status: 409,
    message: 'A payment with this reference was verified before.',
    hint: 'Nothing was changed. If that one was a mistake, reverse it first.',
  },
  amount_differs: {
    status: 400,
    message: 'The amount is not what is due.',
    hint: 'Nothing was changed. With "difference": "credit" it is taken as it is, and counts towards what is due.',
  },
  reason_required: {
    status: 400,
    message: 'A reason is needed.',
    hint: 'Say why, in 3 to 1000 characters.',
  },
  unknown_payment: {
    status: 404,
    message: 'There is no such payment.',
    hint: 'Check the payment’s id.',
  },
  already_reversed: {
    status: 409,
    message: 'This payment was reversed before.',
    hint: 'Nothing was changed.',
  },
  invalid_invitation: {
    status: 422,
    message: 'An invitation names an e-mail address and the role of manager or worker.',
    hint: 'Nothing was changed.',
  },
  unknown_invitation: {
    status: 404,
    message: 'There is no such invitation for an address that you have proven.',
    hint: 'It may have expired: ask for another one.',
  },
  unknown_product: {
    status: 404,
    message: 'There is no such product.',
    hint: 'Check the product’s id and which business it belongs to.',
  },
  unknown_customer: {
    status: 404,
    message: 'There is no such customer.',
    hint: 'Check the customer’s id and which business it belongs to.',
  },
  unknown_sale: {
    status: 404,
    message: 'There is no such sale, or it was voided.',
    hint: 'Check the sale’s id.',
  },
  invalid_sale: {
    status: 400,
    message: 'The sale is not as it should be.',
    hint: 'Nothing was changed.',
  },
  paid_too_much: {
    status: 422,
    message: 'The payments are more than what is due.',
    hint: 'Enter what was kept: change that was given back is not paid.',
  },
  payment_required: {
    status: 422,
    message: 'A sale to nobody in particular is paid at once.',
    hint: 'Name the customer who owes it.',
  },
  credit_limit: {
    status: 422,
    message: 'The customer would owe more than allowed.',
    hint: 'Nothing was changed.',
  },
  insufficient_stock: {
    status: 409,
    message: 'There is not enough on the shelf.',
    hint: 'Nothing was changed.',
  },
  invalid_change: {
    status: 400,
    message: 'The change of stock is not as it should be.',
    hint: 'Nothing was changed. Quantities have up to three decimals.',
  },
  wage_recorded: {
    status: 409,
    message: 'What the worker earned for this day was entered before.',
    hint: 'Nothing was changed.',
  },
  day_closed: {
    status: 409,
    message: 'This day was closed.',
    hint: 'Enter it on an open day.',
  },
  day_in_future: {
    status: 422,
    message: 'This day has not begun.',
    hint: 'Nothing was changed.',
  },
  invalid_close: {
    status: 400,
    message: 'The cash of the drawer is 0 or more.',
    hint: 'Nothing was changed.',
  },
  unknown_backup: {
    status: 404,
    message: 'This business has no such backup.',
    hint: 'Its backups are in backup_records; an instant may lie before the first one.',
  },
  api_key_required: {
    status: 401,
    message: 'An API key is needed.',
    hint: 'Send it in the header `x-api-key`.',
  },
})
