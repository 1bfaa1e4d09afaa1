import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { PlannedFault } from './faults.ts'
import type { Simulation } from './simulation.ts'

export type HttpCall = Context<{ Bindings: HttpBindings }>

/** How one call is answered. The work happens in one go, so that calls do not interleave. */
export interface CallWork<Answer> {
  perform(body: string, fault: PlannedFault | undefined): Answer
  respond(answer: Answer): Response
  /** The answer is late by so many milliseconds, and the work is done. */
  wait?(milliseconds: number): Promise<void>
}

/** Answers a call of an API, with the fault that it meets. */
export async function answerCall<Answer>(
  call: HttpCall,
  simulation: Simulation,
  { perform, respond, wait = pause }: CallWork<Answer>,
): Promise<Response> {
  const fault = simulation.faults.take(call.req.method, call.req.path)
  if (fault?.hangUp === 'before') return hangUp(call)
  const body = await call.req.text()
  const answer = perform(body, fault)
  simulation.changed()
  if (fault?.slow) await wait(fault.slow)
  return fault?.hangUp === 'after' ? hangUp(call) : respond(answer)
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The client sees a connection that ends, as after a crash. */
function hangUp(call: HttpCall): Response {
  call.env.incoming.socket.destroy()
  return new Response(null)
}
