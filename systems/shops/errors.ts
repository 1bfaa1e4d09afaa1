import { type AppError, defineErrors, type ErrorFactory } from '@plinth/platform/kernel'

/** What can go wrong with a shop's items and orders. SQL raises the same codes with the same status: `plinth.refuse`. */
export const shopErrors = defineErrors({
  unknown_shop: {
    status: 404,
    message: 'There is no such shop.',
    hint: 'Check the shop’s id and who is signed in.',
  },
  unknown_item: {
    status: 404,
    message: 'There is no such item.',
    hint: 'Check the item’s id and which shop it belongs to.',
  },
  forbidden: {
    status: 403,
    message: 'Your role in this shop does not allow this.',
    hint: 'An owner, an admin or an order manager may.',
  },
  invalid_change: {
    status: 400,
    message: 'The change must be a whole number other than 0.',
    hint: 'Negative numbers take units away.',
  },
  services_have_no_stock: {
    status: 422,
    message: 'A service has no stock.',
    hint: 'Only products are counted.',
  },
  stock_too_large: {
    status: 422,
    message: 'The stock of an item would exceed 2147483647 units.',
    hint: 'Nothing was changed.',
  },
  insufficient_stock: {
    status: 409,
    message: 'Insufficient stock.',
    hint: 'Nothing was changed. Units held for pending orders are not available.',
  },
  invalid_order_items: {
    status: 400,
    message: 'The order’s items are not as they should be.',
    hint: 'Nothing was changed. Each item is {item_id, quantity}, the quantity a whole number from 1 to 1000000.',
  },
  order_body_differs: {
    status: 409,
    message: 'This order is known with other items or quantities.',
    hint: 'Nothing was changed. Use another order id for another order.',
  },
  order_closed: {
    status: 409,
    message: 'This order was cancelled or returned.',
    hint: 'Nothing was changed. Use another order id.',
  },
  invalid_order_lines: {
    status: 422,
    message: 'A line of an order is not as it should be.',
    hint: 'Nothing was changed. Each line is {productId, quantity, unitPrice}; `lines` lists what is wrong with each.',
  },
  invalid_shipping: {
    status: 409,
    message: 'The shipment cannot become that.',
    hint: 'docs/shops.md has the table of shipments.',
  },
  order_not_shippable: {
    status: 409,
    message: 'The order is not sent as it is.',
    hint: 'Confirm it first.',
  },
  invalid_transition: {
    status: 409,
    message: 'The order cannot take this status from the one it has.',
    hint: 'docs/shops.md has the table of statuses.',
  },
  order_lines_fixed: {
    status: 409,
    message: 'The lines of this order cannot change any more.',
    hint: 'Only pending orders can be edited.',
  },
  order_in_effect: {
    status: 409,
    message: 'An order that has taken stock cannot be deleted.',
    hint: 'Cancel or return it first.',
  },
  order_identity_fixed: {
    status: 422,
    message: 'An order keeps its id, its shop and its number.',
    hint: 'Create another order instead.',
  },
  item_identity_fixed: {
    status: 422,
    message: 'An item keeps its id and its shop.',
    hint: 'Create another item instead.',
  },
  item_is_held: {
    status: 409,
    message: 'An item that pending orders hold cannot be deleted.',
    hint: 'Confirm or cancel the orders first.',
  },
  unknown_invitation: {
    status: 404,
    message: 'There is no such invitation.',
    hint: 'Sign in with the address that was invited, and pass the token of its message.',
  },
  invalid_invitation: {
    status: 422,
    message: 'An invitation needs a role and either an e-mail address or a user id.',
    hint: 'Nobody was invited.',
  },
  invitation_closed: {
    status: 409,
    message: 'This invitation was answered or revoked.',
    hint: 'Ask for a new one.',
  },
  invitation_expired: {
    status: 410,
    message: 'This invitation has expired.',
    hint: 'Ask for a new one.',
  },
  too_many_invitations: {
    status: 429,
    message: 'A shop may have 100 open invitations.',
    hint: 'Revoke some, or wait until they expire.',
  },
  already_member: {
    status: 409,
    message: 'This user is a member of the shop already.',
    hint: 'An owner or an admin may change the role.',
  },
  last_owner: {
    status: 409,
    message: 'A shop keeps at least one owner.',
    hint: 'Make somebody else an Owner first, or close the shop.',
  },
  invalid_counts: {
    status: 400,
    message: 'The counts of a stock-take are not as they should be.',
    hint: 'Nothing was changed. Each is {item_id, counted, expected}; `errors` lists what is wrong with each.',
  },
  stock_changed: {
    status: 409,
    message: 'The stock changed since it was looked up.',
    hint: 'Nothing was changed. Look the items in `errors` up again and count them anew.',
  },
  invalid_days: {
    status: 422,
    message: 'The days must be dates from 1970 to 2199, in order, at most 3661 of them.',
    hint: 'Dates are local to the shop: 2026-01-15.',
  },
  unknown_form: {
    status: 404,
    message: 'There is no such form.',
    hint: 'It may have been closed.',
  },
  invalid_form_fields: {
    status: 422,
    message: 'The fields of a form are not as they should be.',
    hint: 'docs/shops.md has the types of fields and their rules; `problems` lists what is wrong.',
  },
  invalid_answers: {
    status: 422,
    message: 'The form does not take these answers.',
    hint: 'Nothing was ordered. `problems` lists each field and what is wrong with it.',
  },
  item_not_offered: {
    status: 422,
    message: 'The form does not offer one of these items.',
    hint: 'Nothing was ordered. Load the form again.',
  },
  unknown_payment_method: {
    status: 422,
    message: 'The shop does not take this payment method.',
    hint: 'Nothing was ordered.',
  },
  too_many_open_orders: {
    status: 429,
    message: 'The shop has too many open orders and takes no more at the moment.',
    hint: 'Try again later.',
  },
  unknown_order: {
    status: 404,
    message: 'There is no such order.',
    hint: 'Send the key that the order was placed with, or check the id.',
  },
  too_many_proofs: {
    status: 429,
    message: 'An order takes five payment proofs.',
    hint: 'Write to the shop.',
  },
  unknown_proof: {
    status: 404,
    message: 'There is no such payment proof.',
    hint: 'Check its id and which shop it belongs to.',
  },
  proof_reviewed: {
    status: 409,
    message: 'This payment proof was reviewed already.',
    hint: 'Load the queue again.',
  },
  invalid_variant: {
    status: 422,
    message: 'A variant is of a product or service of its own kind that is no variant itself.',
    hint: 'Make all variants variants of the same item.',
  },
  coupon_refused: {
    status: 422,
    message: 'The coupon cannot be used for this order.',
    hint: 'Nothing was ordered. The message says why.',
  },
  invalid_return: {
    status: 422,
    message: 'The return is not as it should be.',
    hint: 'Nothing was changed. Each line is {line_no, quantity, restock}; `lines` lists what is wrong with each.',
  },
  order_not_returnable: {
    status: 409,
    message: 'Nothing of this order can come back.',
    hint: 'Only units of confirmed and completed orders are returned.',
  },
  invalid_snapshot: {
    status: 422,
    message: 'A snapshot has a name of 1 to 200 characters.',
    hint: 'Give it another name.',
  },
  snapshot_exists: {
    status: 409,
    message: 'A snapshot of this name exists already.',
    hint: 'Choose another name.',
  },
  unknown_snapshot: {
    status: 404,
    message: 'There is no such snapshot, or the shop is not in it.',
    hint: 'The table recovery_snapshots lists them.',
  },
  snapshot_not_ready: {
    status: 409,
    message: 'The snapshot is {status}.',
    hint: 'Wait until its status is completed.',
  },
  not_a_member: {
    status: 422,
    message: 'A conversation is assigned to a member of its shop.',
    hint: 'Invite them first.',
  },
  unknown_conversation: {
    status: 404,
    message: 'There is no such conversation.',
    hint: 'Check its id and which shop it belongs to.',
  },
  unknown_channel: {
    status: 404,
    message: 'There is no such channel.',
    hint: 'Connect the account again, and give the platform the address of its webhook.',
  },
  channel_signature_invalid: {
    status: 401,
    message: 'The webhook’s signature does not fit.',
    hint: 'Check the secret that the account was connected with.',
  },
  channel_not_set: {
    status: 422,
    message: 'No app of {platform} is set.',
    hint: 'An operator sets it: `plinth settings list shops`, channels.{platform}.',
  },
  oauth_refused: {
    status: 422,
    message: 'The platform did not give access.',
    hint: 'Begin again with begin_oauth.',
  },
  invalid_data_extension: {
    status: 409,
    message: 'The data extension cannot become that.',
    hint: 'docs/shops.md has the table of states.',
  },
  nothing_to_pay: {
    status: 409,
    message: 'Nothing is to be paid.',
    hint: 'Subscribe or change the plan first.',
  },
  no_subscription: {
    status: 404,
    message: 'The shop has no subscription.',
    hint: 'Subscribe first.',
  },
  invalid_csv: {
    status: 422,
    message: 'The file is no stock list: {problem}.',
    hint: 'Nothing was changed. Export the list, change the column `stock` and send it back.',
  },
  stock_without_history: {
    status: 422,
    message: 'Stock changed without its history.',
    hint: 'Change stock by update_stock.',
  },
})

/** What SQL answers in place of an error: a code of {@link shopErrors} and facts about it. */
export interface Refusal {
  readonly code: string
  readonly error: string
  readonly [fact: string]: unknown
}

/** The error of a refusal, with its facts as details. */
export function errorOf({ code, error, ...facts }: Refusal, cause?: unknown): AppError {
  const make = (shopErrors as Readonly<Record<string, ErrorFactory>>)[code]
  if (!make) throw new Error(`SQL refused with the unknown code ${code}: ${error}`)
  return make(facts, cause)
}
