import { type ServerStatus, withoutChanges } from '../attach/status-file.ts'

/**
 * Says on standard output what runs where, and what to try next. Where that is no terminal it is a log, which others
 * read and which is kept: keys and database addresses are left to `plinth status`.
 */
export function printBanner(status: ServerStatus): void {
  process.stdout.write(`${process.stdout.isTTY ? bannerOf(status) : bannerForLogs(status)}\n`)
}

/** With every key, for the owner's eyes. */
export function bannerOf(status: ServerStatus): string {
  const projects = Object.entries(status.systems).flatMap(([name, project]) => [
    '',
    `  ${name}`,
    `    address            ${project.api_url}`,
    `    anon key           ${project.anon_key}`,
    `    service role key   ${project.service_role_key}`,
    `    database           ${project.db_url}`,
  ])
  return [
    `Plinth is running at ${status.url}`,
    `  data               ${status.data_dir}`,
    ...projects,
    ...notStarted(status),
    ...noticesOf(status),
    ...simulatorsOf(status),
    '',
    'Keys and database addresses open everything: keep them to yourself. Stop with Ctrl-C.',
    ...nextSteps(status),
  ].join('\n')
}

/** With nothing that opens anything. */
function bannerForLogs(status: ServerStatus): string {
  return [
    `Plinth is running at ${status.url}`,
    `  data               ${status.data_dir}`,
    ...Object.entries(status.systems).map(([name, { api_url }]) => `  ${name.padEnd(18)} ${api_url}`),
    ...notStarted(status),
    ...noticesOf(status),
    ...simulatorsOf(status),
    '',
    'Keys and database addresses are not written to a log. They are shown by:',
    '  npx --no-install plinth status',
    'All commands are listed by:',
    '  npx --no-install plinth --help',
  ].join('\n')
}

const notStarted = ({ unavailable }: ServerStatus): string[] => {
  const reasons = Object.entries(unavailable).map(([name, reason]) => `  ${name.padEnd(18)} ${reason}`)
  return reasons.length === 0 ? [] : ['', 'Not started; the server goes on trying:', ...reasons]
}

const noticesOf = ({ without_changes: names }: ServerStatus): string[] =>
  names.length === 0 ? [] : ['', ...names.map((name) => `  ${withoutChanges(name)}`)]

const simulatorsOf = ({ simulators = [] }: ServerStatus): string[] =>
  simulators.map(({ system, provider, url }) => `  ${system}: ${provider} is simulated at ${url}`)

function nextSteps(status: ServerStatus): string[] {
  const [first] = Object.values(status.systems)
  if (!first) return []
  return [
    '',
    'Try next:',
    ...status.try_next.map((line) => `  ${line}`),
    `  curl ${status.url}/health`,
    `  curl ${first.api_url}/functions/v1/ -H "apikey: ${first.anon_key}"`,
    '  npx --no-install plinth --help',
  ]
}
