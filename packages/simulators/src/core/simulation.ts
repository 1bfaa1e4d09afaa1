import { type Clock, systemClock } from '@plinth/platform/kernel'
import { createFaults, type Faults, type PlannedFault } from './faults.ts'
import {
  createOutbox,
  type DeliveryProtocol,
  deliveryRulesSchema,
  type Outbox,
  type OutboxState,
} from './outbox.ts'
import { createSeeded, type Seeded } from './seeded.ts'
import { openStateFile } from './state-file.ts'
import { openTable, packTables, type Table, type Tables, unpackTables } from './tables.ts'
import { createSimulatedTime, type SimulatedTime } from './time.ts'
import { createTimers, type Timer, type Timers } from './timers.ts'

/** Everything that a simulator remembers: plain data but for the tables. */
interface State extends OutboxState {
  counter: number
  ahead: number
  timers: Timer[]
  faults: PlannedFault[]
  tables: Tables
}

export interface SimulationOptions {
  /** What the clock follows. Default: the machine's. */
  readonly clock?: Clock | undefined
  /** Decides ids and random numbers. Default: `plinth`. */
  readonly seed?: string | undefined
  /** Where the state is kept from one start to the next. Default: in memory only. */
  readonly file?: string | undefined
}

/** What the simulators of all providers have in common: a clock, objects, timers, faults and outgoing webhooks. */
export interface Simulation {
  /** The clock that is followed: transport signatures are of this one, which nobody moved ahead. */
  readonly base: Clock
  readonly time: SimulatedTime
  readonly seeded: Seeded
  readonly timers: Timers
  readonly faults: Faults
  readonly outbox: Outbox
  table<T extends { id: string }>(name: string): Table<T>
  /** Does what is due by now. Called before each request, and by the clock of the machine. */
  runDue(): void
  /** Moves the clock ahead by milliseconds, does what comes due, and delivers what it causes. */
  advance(milliseconds: number): Promise<void>
  /** Notes that something changed, so that it is saved and what is due later is waited for. */
  changed(): void
  stop(): Promise<void>
}

interface Provider {
  /** Does what a timer asks for; the clock stands at its instant. */
  run(timer: Timer): void
  readonly protocol: DeliveryProtocol
}

/** The machine's clock is looked at this often, in milliseconds, while something is due later. */
const longestSleep = 60_000
const shortestSleep = 20

/** `describe` gets the simulation itself, whose timers and endpoints it answers for. */
export function openSimulation(
  options: SimulationOptions,
  describe: (simulation: Simulation) => Provider,
): Simulation {
  const base = options.clock ?? systemClock
  const file = openStateFile<PackedState>(options.file, () => pack(state))
  const state = unpack(file.read())
  const time = createSimulatedTime(base, state)
  const timers = createTimers(state)
  const seeded = createSeeded(options.seed ?? 'plinth', state)
  let sleeping: NodeJS.Timeout | undefined
  let stopped = false

  const runDue = () =>
    timers.runDue(null, time.own(), (timer) => time.at(timer.at, () => provider.run(timer)))

  const sleep = () => {
    clearTimeout(sleeping)
    const due = [timers.next(null), outbox.nextDue()].filter((each) => each !== undefined)
    if (stopped || due.length === 0) return
    const pause = Math.min(...due) - time.own()
    sleeping = setTimeout(awake, Math.min(Math.max(pause, shortestSleep), longestSleep)).unref()
  }
  const awake = () => {
    runDue()
    void outbox.settled().then(sleep)
  }
  const changed = () => {
    file.save()
    sleep()
  }
  const simulation: Simulation = {
    base,
    time,
    seeded,
    timers,
    faults: createFaults(state),
    get outbox() {
      return outbox
    },
    table: (name) => openTable(state.tables, name),
    runDue,
    advance: async (milliseconds) => {
      await outbox.settled()
      time.skip(milliseconds)
      runDue()
      await outbox.settled()
      changed()
    },
    changed,
    stop: async () => {
      stopped = true
      clearTimeout(sleeping)
      await outbox.stop()
      await file.close()
    },
  }
  const provider = describe(simulation)
  const outbox = createOutbox({ state, time, seeded, protocol: provider.protocol, onChange: changed })
  sleep()
  return simulation
}

type PackedState = Omit<State, 'tables'> & { tables: ReturnType<typeof packTables> }

const pack = (state: State): PackedState => ({ ...state, tables: packTables(state.tables) })

const unpack = (packed: PackedState | undefined): State =>
  packed
    ? { ...packed, tables: unpackTables(packed.tables) }
    : {
        counter: 0,
        ahead: 0,
        timers: [],
        faults: [],
        rules: deliveryRulesSchema.parse({}),
        deliveries: [],
        deliveryCount: 0,
        tables: new Map(),
      }
