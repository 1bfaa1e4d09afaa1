import { z } from 'zod'
import { routeErrors } from '../errors.ts'

/** Problems that a message names; the rest are counted. */
const mostProblems = 10

/**
 * What a schema makes of a value. `name` is the route's, `part` where the value was. Fails with `invalid_input`. The
 * schema is run below `safeParse`, which writes a message for every problem: for some thousands of them, that alone would
 * hold up everybody.
 */
export async function checkInput(
  schema: z.ZodType,
  value: unknown,
  name: string,
  part: string,
): Promise<unknown> {
  const payload = await schema._zod.run({ value, issues: [] }, { async: true })
  const { issues } = payload
  if (issues.length === 0) return payload.value
  const problems = issues.slice(0, mostProblems).map((issue) => {
    const { path, message } = z.core.util.finalizeIssue(issue, undefined, z.core.config())
    return `${path.join('.') || part}: ${message}`
  })
  if (issues.length > mostProblems) problems.push(`and ${issues.length - mostProblems} more`)
  throw routeErrors.invalid_input({ name, problems: problems.join('; ') })
}
