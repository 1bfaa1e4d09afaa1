import { readConfigFor } from '@plinth/platform/kernel'
import { type Play, type Played, startRazorpay, startStripe } from '@plinth/simulators'
import { type Command, InvalidArgumentError } from 'commander'
import { readStatus } from '../attach/status-file.ts'
import { serverErrors } from '../errors.ts'
import { systemNames } from '../serve/choose-systems.ts'
import { printRows } from '../terminal/print-rows.ts'
import { untilAskedToStop } from '../terminal/until-asked-to-stop.ts'

interface SimulateOptions extends Pick<Play, 'times' | 'amount'> {
  readonly port?: number
  readonly file?: string
  readonly to?: string
  readonly secret?: string
  readonly at?: string
  readonly system?: string
  readonly shuffle?: boolean
  readonly currency?: string
  readonly metadata?: readonly string[]
  readonly json?: boolean
}

export function addSimulateCommand(program: Command): void {
  program
    .command('simulate')
    .description('serve a payment provider for development, or play a story of its events')
    .argument('<provider>', 'stripe or razorpay')
    .argument('[scenario]', 'the story to play; left out, the simulator is served until Ctrl-C')
    .option('--times <count>', 'send each event so often', wholeNumber)
    .option('--shuffle', 'send the events in random order')
    .option('--amount <minor units>', 'what is paid', wholeNumber)
    .option('--currency <code>', 'ISO 4217')
    .option('--metadata <name=value...>', 'goes along with the objects of the story, for who receives them')
    .option('--system <name>', 'play on the account that the running server simulates for it')
    .option('--at <url>', 'play on the simulator at this address')
    .option('--to <url>', 'send the events there, from a simulator of this command’s own')
    .option('--secret <secret>', 'signs them')
    .option('--port <number>', 'serve there (12111, Razorpay 12112)', wholeNumber)
    .option('--file <path>', 'keep what is served in this file')
    .option('--json', 'as JSON')
    .action((provider: string, scenario: string | undefined, options: SimulateOptions) =>
      scenario === undefined ? serve(provider, options) : play(provider, scenario, options),
    )
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/** What both simulators have, and how they are started. */
const providers = {
  stripe: { start: startStripe, port: 12_111 },
  razorpay: { start: startRazorpay, port: 12_112 },
} as const

function findProvider(name: string) {
  const found = Object.hasOwn(providers, name) ? providers[name as keyof typeof providers] : undefined
  if (!found) throw serverErrors.unknown_provider({ name })
  return found
}

const endpointOf = ({ to, secret }: SimulateOptions) =>
  to ? [{ url: to, secret: secret ?? 'whsec_simulator' }] : []

async function serve(name: string, options: SimulateOptions): Promise<void> {
  const { start, port } = findProvider(name)
  const simulator = await start({
    port: options.port ?? port,
    file: options.file,
    webhooks: endpointOf(options),
  })
  try {
    const keys =
      'secretKey' in simulator
        ? { 'secret key': simulator.secretKey }
        : { 'key id': simulator.keyId, 'key secret': simulator.keySecret }
    const lines = Object.entries({ address: simulator.url, ...keys }).map(
      ([label, value]) => `${label.padEnd(12)} ${value}`,
    )
    const knobs = `knobs        ${simulator.url}/_simulator`
    process.stdout.write(
      `${[...lines, knobs, `scenarios    ${simulator.scenarios.join(', ')}`].join('\n')}\n`,
    )
    await untilAskedToStop()
  } finally {
    await simulator.stop()
  }
}

async function play(provider: string, scenario: string, options: SimulateOptions): Promise<void> {
  const how: Play = {
    shuffle: options.shuffle ?? false,
    metadata: Object.fromEntries((options.metadata ?? []).map(readPair)),
    ...(options.times === undefined ? {} : { times: options.times }),
    ...(options.amount === undefined ? {} : { amount: options.amount }),
    ...(options.currency === undefined ? {} : { currency: options.currency }),
  }
  const { deliveries } = options.to
    ? await playHere(provider, scenario, how, options)
    : await playThere(provider, scenario, how, await findSimulator(provider, options))
  printRows(deliveries, options)
  const refused = deliveries.some(({ answer }) => typeof answer !== 'number' || answer < 200 || answer > 299)
  if (refused) process.exitCode = 1
}

function readPair(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw serverErrors.invalid_metadata({ text })
  return [text.slice(0, at), text.slice(at + 1)]
}

async function playHere(
  provider: string,
  scenario: string,
  how: Play,
  options: SimulateOptions,
): Promise<Played> {
  const simulator = await findProvider(provider).start({
    webhooks: endpointOf(options),
    seed: `${Date.now()} ${process.pid}`,
  })
  try {
    if (!simulator.scenarios.includes(scenario))
      throw serverErrors.unknown_scenario({ provider, name: scenario, known: simulator.scenarios.join(', ') })
    return await simulator.play(scenario, how)
  } finally {
    await simulator.stop()
  }
}

async function playThere(provider: string, scenario: string, how: Play, url: string): Promise<Played> {
  const answer = await fetch(`${url}/_simulator/scenarios/${encodeURIComponent(scenario)}`, {
    method: 'POST',
    body: JSON.stringify(how),
  }).catch((error: unknown) => {
    throw serverErrors.no_simulator({ provider, where: ` at ${url}` }, error)
  })
  const said = (await answer.json()) as Played & {
    readonly error?: string
    readonly scenarios?: readonly string[]
  }
  if (said.scenarios)
    throw serverErrors.unknown_scenario({ provider, name: scenario, known: said.scenarios.join(', ') })
  if (!answer.ok) throw serverErrors.simulation_failed({ problem: said.error })
  return said
}

/** The address that was given, or that of the one account that the running server simulates. */
async function findSimulator(provider: string, { at, system }: SimulateOptions): Promise<string> {
  findProvider(provider)
  if (at) return at.endsWith('/') ? at.slice(0, -1) : at
  const { dataDir } = readConfigFor(systemNames)
  const { simulators = [] } = await readStatus(dataDir).catch(() => ({ simulators: [] }))
  const found = simulators.filter((each) => each.provider === provider && (!system || each.system === system))
  if (found.length === 1) return found[0]!.url
  const where =
    found.length > 1 ? ` alone: name one of ${found.map((each) => each.system).join(', ')} by --system` : ''
  throw serverErrors.no_simulator({ provider, where })
}
