import type { ServerStatus } from './status-file.ts'

/** Says on standard output what runs where, and what to try next. */
export function printBanner(status: ServerStatus, tryNext: readonly string[] = []): void {
  process.stdout.write(`${bannerOf(status, tryNext)}\n`)
}

export function bannerOf(status: ServerStatus, tryNext: readonly string[] = []): string {
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
    '',
    'Keys and database addresses open everything: keep them to yourself. Stop with Ctrl-C.',
    ...nextSteps(status, tryNext),
  ].join('\n')
}

function nextSteps(status: ServerStatus, tryNext: readonly string[]): string[] {
  const [first] = Object.values(status.systems)
  if (!first) return []
  return [
    '',
    'Try next:',
    ...tryNext.map((line) => `  ${line}`),
    `  curl ${status.url}/health`,
    `  curl ${first.api_url}/functions/v1/ -H "apikey: ${first.anon_key}"`,
    '  npx --no-install plinth --help',
  ]
}
