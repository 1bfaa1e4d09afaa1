import { createBadInput } from '@plinth/testing/bad-input'

/** Names of the films' schema. */
const names = [
  'id',
  'title',
  'year',
  'tags',
  'info',
  'shown',
  'search',
  'directors',
  'actors',
  'roles',
  'specs',
  'films',
  'headline',
  'best_film',
  'Ran',
]

export const { queryString, body } = createBadInput(names)
