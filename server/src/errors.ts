import { defineErrors } from '@plinth/platform/kernel'

export const serverErrors = defineErrors({
  unknown_system: {
    status: 404,
    message: 'There is no system {name}.',
    hint: 'The systems are: {known}. `plinth --help` shows the commands.',
  },
  not_running: {
    status: 503,
    message: 'No server is running on {dataDir}.',
    hint: 'Start it with: npm start',
  },
  duplicate_function: {
    status: 500,
    message: 'Function {name} is declared by {first} and by {second}.',
    hint: 'Function names are unique across systems: rename one.',
  },
  demo_account: {
    status: 500,
    message: 'The demonstration’s account {email} could not be made (auth answered {status}).',
    hint: 'Look at the server log.',
  },
  import_interrupted: {
    status: 499,
    message: 'The import was interrupted; what it had committed stays.',
    hint: 'Run it again: it goes on where it stopped.',
  },
  import_all_refused: {
    status: 422,
    message: 'Every line of the file was refused; nothing was imported.',
    hint: 'The report (--report) says why, line by line. Columns with other names: --map. Decimal commas: --decimal.',
  },
  simulation_in_public: {
    status: 409,
    message: 'Payment providers are not simulated on a server that others reach ({url}).',
    hint: 'Leave --simulate away and set the keys of a real account: plinth settings list <system>.',
  },
  unknown_provider: {
    status: 404,
    message: 'There is no simulator of {name}.',
    hint: 'There are: stripe, razorpay.',
  },
  unknown_scenario: {
    status: 404,
    message: 'The simulator of {provider} has no scenario {name}.',
    hint: 'It has: {known}.',
  },
  no_simulator: {
    status: 503,
    message: 'No simulator of {provider} was found{where}.',
    hint: 'Start one (npm start -- --simulate, or plinth simulate {provider}), name it with --at, or name the endpoint with --to and --secret.',
  },
  simulation_failed: {
    status: 502,
    message: 'The simulator could not play the story: {problem}',
    hint: 'Amounts are minor units from 1 on (Razorpay: 100), currencies three letters, --times 1 to 100.',
  },
  invalid_metadata: {
    status: 400,
    message: '{text} is not name=value.',
    hint: 'Write it as --metadata order=ORD-1.',
  },
  invalid_point: {
    status: 400,
    message: '{text} is not an instant.',
    hint: 'Write it with its offset, as 2026-01-15T12:00:00Z. A rewind also takes a number that `plinth journal show` prints.',
  },
  no_point: {
    status: 400,
    message: 'A rewind goes to a point, or takes one rewind back.',
    hint: 'Give either --to or --undo.',
  },
  erasure_not_confirmed: {
    status: 400,
    message: 'Nothing was changed: the erasure was not confirmed.',
    hint: 'Look at it with --dry-run, then confirm with y or --yes.',
  },
  restore_not_confirmed: {
    status: 400,
    message: 'Nothing was changed: the restore was not confirmed.',
    hint: 'Look at it with --dry-run, then confirm with y or --yes.',
  },
  restore_while_served: {
    status: 409,
    message:
      'A server runs {system} on this data folder: a whole project is restored while nobody works with it.',
    hint: 'Stop the server, or restore on the new machine.',
  },
  not_confirmed: {
    status: 400,
    message: 'Nothing was changed: the rewind was not confirmed.',
    hint: 'Look at it with --dry-run, then confirm with y or --yes.',
  },
  still_running: {
    status: 409,
    message: 'A server is running on {dataDir}.',
    hint: 'Stop it first (Ctrl-C where it runs).',
  },
  reset_not_confirmed: {
    status: 400,
    message: 'Nothing was changed: the reset was not confirmed.',
    hint: 'Confirm with y or --yes.',
  },
  new_system_unfinished: {
    status: 500,
    message: 'The system is written, but this failed with code {code}: {command}',
    hint: 'Run it in the repository.',
  },
  types_outdated: {
    status: 409,
    message: '{file} is not what the database has now.',
    hint: 'Write it anew: npx --no-install plinth types {system}',
  },
  system_exists: {
    status: 409,
    message: 'There is a system {name} already: {folder}.',
    hint: 'Choose another name.',
  },
})
