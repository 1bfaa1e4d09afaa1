import { defineErrors } from '../kernel/index.ts'

export const projectErrors = defineErrors({
  missing_capability: {
    status: 500,
    message: 'System {system} uses {name}, which needs {required}.',
    hint: 'Add {required} to `uses`.',
  },
  duplicate_capability: {
    status: 500,
    message: 'System {system} uses {name} twice.',
    hint: 'Name it once in `uses`, with all its settings.',
  },
  invalid_declaration: {
    status: 500,
    message: '{place}: {problem}',
    hint: 'docs/add-a-system.md says what each word of a declaration means.',
  },
  duplicate_job: {
    status: 500,
    message: 'Job {name} of {system} is declared twice.',
    hint: 'Rename one: jobs of a system and of the capabilities that it uses share their names.',
  },
})
