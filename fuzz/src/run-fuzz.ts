import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import type { Case, HttpCase } from './case.ts'
import type { Finding, Problem } from './finding.ts'
import { generators, type Surface } from './generators/index.ts'
import { judgeAnswer } from './monitors/judge-answer.ts'
import { judgeGrowth, judgeLeftovers } from './monitors/judge-growth.ts'
import { ask, play } from './play.ts'
import { createDataFolder, type Readings, type Served, serve } from './served.ts'
import { prepareTarget, type Target } from './target.ts'

export interface FuzzOptions {
  readonly seconds: number
  readonly seed: number
  readonly surfaces: readonly Surface[]
  readonly onFinding?: (finding: Finding) => void
  readonly onRound?: (report: FuzzReport) => void
}

export interface FuzzReport {
  readonly seed: number
  readonly seconds: number
  /** Cases played, by surface. */
  readonly cases: Readonly<Record<string, number>>
  /** Answers by status, for HTTP: a run that is all 400 tests little. */
  readonly statuses: Readonly<Record<string, number>>
  /** CPU milliseconds of the longest turn of the event loop that came again when its case was repeated. */
  readonly longestTurn: number
  /** Bytes after each round, garbage collected. */
  readonly memory: readonly number[]
  readonly findings: readonly Finding[]
}

/** CPU milliseconds that one request may hold the event loop. */
const longestTurnAllowed = 50
/** A turn counts when it comes again so often: compilers and collectors also take their time, once. */
const repetitions = 2
/** Seconds that one surface is attacked before the next one is. */
const sliceSeconds = 5
/**
 * Milliseconds in which the server lets go of what its clients held: a slow head is cut after ten to fifteen seconds, and on a
 * busy machine the process is not always running.
 */
const letGo = 20_000

/** Attacks a server of its own until the time is over, and reports what must not happen. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const data = await createDataFolder()
  const run = new Run(options, await serve(data.folder), data.folder)
  try {
    await run.begin()
    return await run.all()
  } finally {
    await run.stop()
    await data.remove()
  }
}

class Run {
  readonly #options: FuzzOptions
  readonly #dataDir: string
  #served: Served
  #target: Target | undefined
  #agent = new Agent({ keepAlive: true })
  #played: Case | undefined
  #playing: Promise<Problem | undefined> | undefined
  #known = new Set<string>()
  #cases: Record<string, number> = {}
  #statuses: Record<string, number> = {}
  #longestTurn = 0
  #memory: number[] = []
  #findings: Finding[] = []

  constructor(options: FuzzOptions, served: Served, dataDir: string) {
    this.#options = options
    this.#served = served
    this.#dataDir = dataDir
  }

  async begin(): Promise<void> {
    this.#target = await prepareTarget(this.#served)
  }

  async all(): Promise<FuzzReport> {
    const { seconds, seed, surfaces, onRound } = this.#options
    const until = performance.now() + seconds * 1_000
    const slice = Math.min(sliceSeconds, seconds / surfaces.length)
    for (let round = 0; performance.now() < until; round++) {
      for (const surface of surfaces) {
        const left = until - performance.now()
        if (left > 0) await this.#attack(surface, seed + round, Math.min(slice * 1_000, left))
      }
      await this.#settle(seed + round)
      onRound?.(this.#report())
    }
    const grown = judgeGrowth(this.#memory)
    if (grown) this.#add(grown, { surface: 'all', seed, reproduction: undefined })
    return this.#report()
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.#served.stop()
  }

  #report(): FuzzReport {
    const { seed, seconds } = this.#options
    return {
      seed,
      seconds,
      cases: { ...this.#cases },
      statuses: { ...this.#statuses },
      longestTurn: this.#longestTurn,
      memory: [...this.#memory],
      findings: [...this.#findings],
    }
  }

  /** Plays cases of one surface for a while; what is found is made small and not looked for again. */
  async #attack(surface: Surface, seed: number, milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds
    for (let part = 0; performance.now() < until; part++) {
      let problem: Problem | undefined
      const cases: fc.Arbitrary<Case> = generators[surface](this.#target!)
      const property = fc.asyncProperty(cases, async (played) => {
        this.#cases[surface] = (this.#cases[surface] ?? 0) + 1
        this.#played = played
        this.#playing = this.#judge(played, surface)
        problem = await this.#playing
        if (problem) throw new Error(problem.signature)
      })
      const details = await fc.check(property, {
        seed: seed + part * 1_000_003,
        numRuns: 1_000_000,
        interruptAfterTimeLimit: Math.max(1, until - performance.now()),
        markInterruptAsFailure: false,
      })
      // An interrupted check leaves its last case behind while it plays: what is wrong with it counts all the same.
      const late = await this.#playing
      if (!details.failed || !details.counterexample) {
        if (late) this.#add(late, { surface, seed: details.seed, reproduction: this.#played })
        return
      }
      const [reproduction] = details.counterexample
      const again = problem ?? (await this.#judge(reproduction, surface))
      const found: Problem = again ?? {
        kind: 'hang',
        detail: String(details.errorInstance),
        signature: `${surface} ${String(details.errorInstance).slice(0, 80)}`,
      }
      this.#add(found, { surface, seed: details.seed, reproduction })
    }
  }

  #add(problem: Problem, where: Pick<Finding, 'surface' | 'seed' | 'reproduction'>): void {
    if (this.#known.has(problem.signature)) return
    this.#known.add(problem.signature)
    const finding = { ...problem, ...where, log: this.#served.log() }
    this.#findings.push(finding)
    this.#options.onFinding?.(finding)
  }

  /** What is wrong after a case was played, unless it is known. */
  async #judge(played: Case, surface: Surface): Promise<Problem | undefined> {
    const problem = await this.#play(played, surface)
    return problem && !this.#known.has(problem.signature) ? problem : undefined
  }

  async #play(played: Case, surface: Surface): Promise<Problem | undefined> {
    try {
      await this.#served.read()
      const answer = await play(this.#served.port, played, this.#agent)
      if (!answer) return undefined
      if (answer.status > 0) this.#statuses[answer.status] = (this.#statuses[answer.status] ?? 0) + 1
      const { longestTurn } = await this.#served.read()
      return judgeAnswer(answer) ?? (await this.#judgeTurn(longestTurn, played, surface))
    } catch (error) {
      if (this.#served.isRunning && (await this.#answers())) {
        return { kind: 'hang', detail: String(error), signature: `${surface} hangs` }
      }
      return this.#restart(surface)
    }
  }

  async #judgeTurn(first: number, played: Case, surface: Surface): Promise<Problem | undefined> {
    let turn = first
    for (let count = 0; count < repetitions && turn > longestTurnAllowed; count++) {
      await play(this.#served.port, played, this.#agent)
      turn = Math.min(turn, (await this.#served.read()).longestTurn)
    }
    this.#longestTurn = Math.max(this.#longestTurn, turn)
    if (turn <= longestTurnAllowed) return undefined
    const where = played.kind === 'http' ? `${played.method} ${headOf(played.target)}` : surface
    return {
      kind: 'stall',
      detail: `${Math.round(turn)} ms of CPU time in one turn`,
      signature: `${surface} stall ${where}`,
    }
  }

  async #answers(): Promise<boolean> {
    const live = { kind: 'http', method: 'GET', target: '/health/live', headers: {} } as const
    return ask(this.#served.port, live, false).then(
      (answer) => answer?.status === 200,
      () => false,
    )
  }

  async #restart(surface: Surface): Promise<Problem> {
    const log = this.#served.log()
    await this.#served.stop()
    this.#served = await serve(this.#dataDir)
    const signature = `${surface} end ${/Error: .*/.exec(log)?.[0] ?? ''}`
    return { kind: 'process end', detail: log.slice(-500), signature }
  }

  /** Lets every client hang up, and looks at what is still held. */
  async #settle(seed: number): Promise<void> {
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true })
    const until = performance.now() + letGo
    let readings: Readings = await this.#served.read(true)
    while (judgeLeftovers(readings) && performance.now() < until) {
      await delay(50)
      readings = await this.#served.read()
    }
    const left = judgeLeftovers(readings)
    if (left) this.#add(left, { surface: 'all', seed, reproduction: undefined })
    this.#memory.push((await this.#served.read(true)).memory)
  }
}

/** The path with the name of its first parameter, so that one slow parameter is one finding. */
function headOf(target: HttpCase['target']): string {
  if (typeof target === 'object' && 'location' in target) return target.location
  const text = typeof target === 'string' ? target : target.before
  return text.slice(0, 60).replace(/=.*/, '=')
}
