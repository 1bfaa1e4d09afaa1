import { defineErrors } from '../kernel/index.ts'

export const jobErrors = defineErrors({
  unknown_job: {
    status: 404,
    message: 'There is no job {name}.',
    hint: 'The project’s jobs are: {known}.',
  },
  invalid_payload: {
    status: 400,
    message: 'The payload of {name} is not valid: {problems}',
    hint: 'See the job’s declaration for the shape it takes.',
  },
  invalid_schedule: {
    status: 500,
    message: 'The schedule of {name} means nothing: {problem}',
    hint: 'A line has five fields (minute hour day month weekday) and an IANA zone.',
  },
})
