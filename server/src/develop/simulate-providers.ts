import { join } from 'node:path'
import { type Config, newSecret } from '@plinth/platform/kernel'
import { readSettingsFile } from '@plinth/platform/settings'
import type { SystemDeclaration } from '@plinth/platform/system'
import { startRazorpay, startStripe } from '@plinth/simulators'
import type { SimulatedAccount } from '../attach/status-file.ts'
import { serverErrors } from '../errors.ts'
import type { RunningServer } from '../serve/start-server.ts'

/** A payment provider on this machine, for one system. */
interface Simulated extends SimulatedAccount {
  readonly provider: 'stripe' | 'razorpay'
  /** Tells it where the system listens for webhooks. */
  connect(url: string): void
  stop(): Promise<void>
}

/** The simulated accounts of a server. */
export interface SimulatedProviders {
  /** The configuration with the settings that lead to them. */
  readonly config: Config
  readonly accounts: readonly SimulatedAccount[]
  /** Lets them send webhooks to a server that listens. */
  connect(server: Pick<RunningServer, 'url'>): void
  stop(): Promise<void>
}

/**
 * Starts an account of Stripe and of Razorpay for each system that takes payments and has no keys of its own. Their keys and
 * secrets are new at every start: nobody can know them. Fails with `simulation_in_public` where others reach the server.
 */
export async function simulateProviders(
  config: Config,
  systems: readonly SystemDeclaration[],
): Promise<SimulatedProviders> {
  if (config.publicUrl) throw serverErrors.simulation_in_public({ url: config.publicUrl })
  const simulated: Simulated[] = []
  const settings: Record<string, Record<string, string>> = { ...config.settings }
  const stop = async () => void (await Promise.all(simulated.map((each) => each.stop())))
  try {
    for (const { name, uses = [] } of systems) {
      const payments = uses.find((capability) => capability.name === 'payments')
      if (!payments) continue
      for (const provider of ['stripe', 'razorpay'] as const) {
        if (await hasAccount(config, name, provider, payments.defaults)) continue
        const started = await start(config, name, provider)
        simulated.push(started.simulated)
        settings[name] = { ...settings[name], ...started.settings }
      }
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    config: { ...config, settings },
    accounts: simulated.map(({ system, provider, url }) => ({ system, provider, url })),
    connect: ({ url }) => {
      for (const each of simulated) each.connect(`${url}/${each.system}/payments/webhooks/${each.provider}`)
    },
    stop,
  }
}

/** True when anybody set a key of the provider: a real account is never put aside. */
async function hasAccount(
  { dataDir, settings }: Config,
  system: string,
  provider: string,
  declared: object | undefined,
): Promise<boolean> {
  const prefix = `PLINTH_${system.toUpperCase()}_PAYMENTS_${provider.toUpperCase()}_`
  if (Object.keys(settings[system] ?? {}).some((name) => name.startsWith(prefix))) return true
  const file = await readSettingsFile(dataDir, system)
  if ([...file.values.keys()].some((name) => name.startsWith(`payments.${provider}.`))) return true
  return provider in (declared ?? {})
}

async function start(config: Config, system: string, provider: Simulated['provider']) {
  const file = join(config.dataDir, 'simulators', `${system}-${provider}.json`)
  const webhookSecret = `whsec_${newSecret()}`
  const prefix = `PLINTH_${system.toUpperCase()}_PAYMENTS_${provider.toUpperCase()}_`
  const seed = newSecret()
  if (provider === 'stripe') {
    const secretKey = `sk_test_${newSecret()}`
    const stripe = await startStripe({ file, seed, secretKey })
    return {
      simulated: {
        system,
        provider,
        url: stripe.url,
        connect: (url: string) => stripe.tell(url, webhookSecret),
        stop: stripe.stop,
      },
      settings: {
        [`${prefix}SECRET_KEY`]: secretKey,
        [`${prefix}WEBHOOK_SECRET`]: webhookSecret,
        [`${prefix}BASE_URL`]: stripe.url,
      },
    }
  }
  const keySecret = newSecret()
  const razorpay = await startRazorpay({ file, seed, keySecret })
  return {
    simulated: {
      system,
      provider,
      url: razorpay.url,
      connect: (url: string) => razorpay.tell(url, webhookSecret),
      stop: razorpay.stop,
    },
    settings: {
      [`${prefix}KEY_ID`]: razorpay.keyId,
      [`${prefix}KEY_SECRET`]: keySecret,
      [`${prefix}WEBHOOK_SECRET`]: webhookSecret,
      [`${prefix}BASE_URL`]: razorpay.url,
    },
  }
}
