import { defineErrors } from '@plinth/platform/kernel'

/** What can go wrong with projects, files, credits and money. SQL raises the same codes by `plinth.refuse`. */
export const eyemotionErrors = defineErrors({
  user_required: {
    status: 403,
    message: 'This is done by a user.',
    hint: 'Sign in, or use an API key of a user: a key of the project or of the service acts for nobody.',
  },
  feature_off: {
    status: 503,
    message: '{feature} is switched off.',
    hint: 'The operator has switched it off for now.',
  },
  project_not_found: {
    status: 404,
    message: 'There is no such project.',
    hint: 'Check its id and who is signed in.',
  },
  folder_not_found: {
    status: 404,
    message: 'There is no such folder in this project.',
    hint: 'Check its id.',
  },
  file_not_found: {
    status: 404,
    message: 'There is no such file.',
    hint: 'Check its id and who is signed in.',
  },
  team_not_found: {
    status: 404,
    message: 'There is no such team.',
    hint: 'Only its owner changes who is in a team.',
  },
  user_not_found: {
    status: 404,
    message: 'There is no such user.',
    hint: 'Check the address or the id.',
  },
  usage_not_found: {
    status: 404,
    message: 'There is no such usage of anybody’s credits.',
    hint: 'See the user’s credits/usage.',
  },
  review_link_over: {
    status: 404,
    message: 'This review link is not valid any more.',
    hint: 'Ask whoever sent it for a new one.',
  },
  role_too_low: {
    status: 403,
    message: 'Your role in this project does not allow this.',
    hint: 'Its owner gives roles.',
  },
  sign_in_again: {
    status: 403,
    message: 'This needs the password, or a sign-in of the last ten minutes.',
    hint: 'Send the password, or sign in again and repeat it at once.',
  },
  admin_required: {
    status: 403,
    message: 'Only an admin may do this.',
    hint: 'Sign in as one.',
  },
  comment_not_yours: {
    status: 403,
    message: 'Only its author changes what a comment says.',
    hint: 'Answer it, or resolve it.',
  },
  not_yourself: {
    status: 409,
    message: 'Nobody suspends or demotes themselves.',
    hint: 'Ask another admin.',
  },
  project_state: {
    status: 409,
    message: 'A project that is {status} does not become {wanted}.',
    hint: 'See the table of states in docs/eyemotion.md.',
  },
  project_archived: {
    status: 409,
    message: 'The project is archived.',
    hint: 'Take it out of the archive first.',
  },
  upload_missing: {
    status: 409,
    message: 'Nothing has been uploaded yet.',
    hint: 'Upload the whole file to the address that upload-url gave, then confirm it.',
  },
  file_too_large: {
    status: 413,
    message: 'A file has 10 GiB at most.',
    hint: 'Cut it into parts.',
  },
  storage_full: {
    status: 413,
    message: 'There is not enough room for this file.',
    hint: 'Remove files, or choose a larger plan.',
  },
  not_enough_credits: {
    status: 402,
    message: 'This takes {needed} credits, and {available} are left.',
    hint: 'Buy credits, or choose a larger plan.',
  },
  burn_key_taken: {
    status: 409,
    message: 'Other credits were burned under this key.',
    hint: 'A key names one cause: give another cause another key.',
  },
  plan_not_found: {
    status: 404,
    message: 'There is no plan {plan} that can be bought.',
    hint: 'See /rest/v1/subscription_plans; freemium is what everybody has without a subscription.',
  },
  no_subscription: {
    status: 409,
    message: 'There is no subscription.',
    hint: 'Freemium has nothing to cancel.',
  },
  plan_is_current: {
    status: 409,
    message: 'The subscription has this plan already.',
    hint: 'Choose another plan, or take back its cancellation with payments/resume.',
  },
  order_not_withheld: {
    status: 404,
    message: 'This purchase is not withheld.',
    hint: 'See the dashboard for those that are.',
  },
  provider_unknown: {
    status: 404,
    message: 'Nobody signs in with {provider} here.',
    hint: 'google and github, where the operator has switched them on: plinth settings list eyemotion.',
  },
  already_initialized: {
    status: 409,
    message: 'The system is initialised.',
    hint: 'Send {"force": true} to do it again; nothing is lost by it.',
  },
})
