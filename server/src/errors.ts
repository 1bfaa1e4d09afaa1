import { defineErrors } from '@plinth/platform/kernel'

export const serverErrors = defineErrors({
  unknown_system: {
    status: 404,
    message: 'There is no system {name}.',
    hint: 'The systems are: {known}.',
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
  unsupported_node: {
    status: 500,
    message: 'Node {found} is too old.',
    hint: 'Start through the launcher (npm start, npx --no-install plinth): it brings Node 24 along.',
  },
})
