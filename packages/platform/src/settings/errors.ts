import { defineErrors } from '../kernel/index.ts'

export const settingErrors = defineErrors({
  invalid_settings: {
    status: 500,
    message: 'The settings of {system} have mistakes:\n{problems}',
    hint: '`plinth settings list {system}` shows every setting with its meaning, its value and where it comes from.',
  },
  unknown_setting: {
    status: 400,
    message: 'There is no setting {name} of {system}.{nearest}',
    hint: '`plinth settings list {system}` shows them all.',
  },
  secret_needs_input: {
    status: 400,
    message: '{name} is a secret: it is not given on the command line, which others can read.',
    hint: 'Pipe it in: plinth settings set {system} {name} < file, or type it when you are asked.',
  },
})
