import { defineErrors } from '../kernel/index.ts'

export const alertErrors = defineErrors({
  alert_rule_invalid: {
    status: 500,
    message: 'The alert rule {rule} means nothing: {problem}.',
    hint: 'A rule has a name of its own, a figure that is there, and a bound above or below.',
  },
})
