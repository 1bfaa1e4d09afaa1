import { readRequest } from '../../../packages/platform/src/rest/request/read-request.ts'
import { createShapeCache } from '../../../packages/platform/src/rest/shape-cache.ts'
import { compileTable } from '../../../packages/platform/src/rest/sql/compile-table.ts'
import { sampleCatalogue } from '../../../packages/platform/src/rest/tests/sample-catalogue.ts'
import { type Figure, median } from '../figure.ts'

const rounds = 21
const perRound = 2_000

const shapes = {
  'one row by key': (n: number) => `select=*&id=eq.${n}`,
  'an embed, a tree, order and limit': (n: number) =>
    `select=id,label,makers(name)&or=(label.like.a*,and(id.gt.${n},id.lt.99))&makers.name=eq.x&order=label.desc&limit=25`,
}

/** From the parts of a request to statement and values, for a shape that is known and for one that is new. */
export async function* measurePlanning(): AsyncIterable<Figure> {
  for (const [name, search] of Object.entries(shapes)) {
    const plan = planner(1_000)
    for (let n = 0; n < 20_000; n += 1) await plan(search(n))
    yield figure(`planning, repeated shape: ${name}`, await timed(plan, search), '< 50 µs')
    yield figure(`planning, new shape: ${name}`, await timed(planner(1), alternating(search)), null)
  }
}

/** A cache of one shape never finds the one before. */
const alternating = (search: (n: number) => string) => (n: number) =>
  n % 2 === 0 ? search(n) : `${search(n)}&label=neq.x`

function planner(kept: number): (search: string) => Promise<unknown> {
  const settings = { maxRows: undefined, aggregates: false, safeUpdate: true }
  const shapes = createShapeCache({
    shapes: kept,
    compile: (request, catalogue) => compileTable(request, catalogue, settings),
  })
  return async (search) => {
    const request = await readRequest(
      {
        method: 'GET',
        kind: 'relation',
        name: 'items',
        search,
        header: () => null,
        readBody: async () => Buffer.alloc(0),
      },
      { schemas: ['public'], maxRows: undefined, maxBody: 1_000 },
    )
    return shapes.find(request, sampleCatalogue, 'authenticated')
  }
}

async function timed(
  plan: (search: string) => Promise<unknown>,
  search: (n: number) => string,
): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now()
    for (let n = 0; n < perRound; n += 1) await plan(search(n))
    times.push(((performance.now() - began) / perRound) * 1_000)
  }
  return median(times)
}

const figure = (name: string, value: number, goal: string | null): Figure => ({
  name,
  value,
  unit: 'µs',
  ratio: null,
  against: null,
  goal,
})
