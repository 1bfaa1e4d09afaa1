import type { Catalogue } from '../catalogue/model.ts'
import { requireFunction } from '../plan/plan-call.ts'
import { findRelation } from '../sql/compile-table.ts'
import type { Answer } from './answer.ts'

/** What OPTIONS is about. */
export interface AllowedTarget {
  readonly isCall: boolean
  readonly schema: string
  readonly name: string
}

/** Answers OPTIONS with the methods that a relation or function takes, whoever asks; what the caller may do is not told. */
export function answerAllowed(catalogue: Catalogue, target: AllowedTarget): Answer {
  return allow(target.isCall ? methodsOfFunction(catalogue, target) : methodsOfRelation(catalogue, target))
}

export const allow = (methods: readonly string[]): Answer => ({
  status: 200,
  headers: { allow: ['OPTIONS', ...methods].join(',') },
  body: null,
})

function methodsOfFunction(catalogue: Catalogue, { schema, name }: AllowedTarget): string[] {
  requireFunction(catalogue, schema, name)
  const reads = catalogue.functions(schema, name).some(({ volatility }) => volatility !== 'volatile')
  return reads ? ['GET', 'HEAD', 'POST'] : ['POST']
}

function methodsOfRelation(catalogue: Catalogue, target: AllowedTarget): string[] {
  const { insertable, updatable, deletable, primaryKey } = findRelation(catalogue, target)
  return [
    'GET',
    'HEAD',
    ...(insertable ? ['POST'] : []),
    ...(insertable && updatable && primaryKey.length > 0 ? ['PUT'] : []),
    ...(updatable ? ['PATCH'] : []),
    ...(deletable ? ['DELETE'] : []),
  ]
}
