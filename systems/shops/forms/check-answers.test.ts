import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAnswers } from './check-answers.ts'
import { formField } from './form-fields.ts'

const fieldsOf = (...fields: object[]) => fields.map((field) => formField.parse({ label: 'x', ...field }))
const problemsOf = (field: object, answer: unknown) =>
  checkAnswers(fieldsOf({ key: 'a', ...field }), { a: answer }).problems.map(({ problem }) => problem)

const delivery = fieldsOf(
  { key: 'how', type: 'select', options: ['pickup', 'courier'], required: true },
  { key: 'street', type: 'text', required: true, showIf: { field: 'how', equals: 'courier' } },
  { key: 'floor', type: 'number', whole: true, showIf: { field: 'street', notEquals: 'none' } },
)

describe('fields that depend on others', () => {
  it('are not asked for while their condition does not hold, and an answer to them is dropped', () => {
    expect(checkAnswers(delivery, { how: 'pickup', street: 'Elm', floor: 2 })).toEqual({
      answers: { how: 'pickup' },
      problems: [],
    })
  })

  it('are required while it holds, through several levels', () => {
    expect(checkAnswers(delivery, { how: 'courier' }).problems).toEqual([
      { field: 'street', problem: 'is required' },
    ])
    expect(checkAnswers(delivery, { how: 'courier', street: 'Elm', floor: 2 }).answers).toEqual({
      how: 'courier',
      street: 'Elm',
      floor: 2,
    })
  })

  it('look into lists', () => {
    const fields = fieldsOf(
      { key: 'extras', type: 'multiselect', options: ['gift', 'card'] },
      { key: 'words', type: 'textarea', required: true, showIf: { field: 'extras', in: ['card'] } },
    )
    expect(checkAnswers(fields, { extras: ['gift'] }).problems).toEqual([])
    expect(checkAnswers(fields, { extras: ['gift', 'card'] }).problems).toEqual([
      { field: 'words', problem: 'is required' },
    ])
  })
})

describe('an answer is refused', () => {
  it.each<[object, unknown]>([
    [{ type: 'text' }, 5],
    [{ type: 'text' }, 'x'.repeat(201)],
    [{ type: 'text', minLength: 3 }, 'ab'],
    [{ type: 'text' }, 'a\0b'],
    [{ type: 'email' }, 'nobody'],
    [{ type: 'phone' }, 'call me'],
    [{ type: 'url' }, 'javascript:alert(1)'],
    [{ type: 'number' }, '5'],
    [{ type: 'number', min: 1 }, 0],
    [{ type: 'number', max: 5 }, 6],
    [{ type: 'number', whole: true }, 1.5],
    [{ type: 'select', options: ['a'] }, 'b'],
    [{ type: 'multiselect', options: ['a'] }, ['b']],
    [{ type: 'multiselect', options: ['a', 'b'] }, ['a', 'a']],
    [{ type: 'multiselect', options: ['a', 'b'], most: 1 }, ['a', 'b']],
    [{ type: 'checkbox' }, 'yes'],
    [{ type: 'date' }, '2026-02-30'],
    [{ type: 'date', min: '2026-01-02' }, '2026-01-01'],
    [{ type: 'date', max: '2026-01-02' }, '2026-01-03'],
  ])('%j: %j', (field, answer) => {
    expect(problemsOf(field, answer)).toHaveLength(1)
  })

  it('to a field that the form does not have', () => {
    expect(checkAnswers(delivery, { how: 'pickup', admin: true }).problems).toEqual([
      { field: 'admin', problem: 'is not a field of this form' },
    ])
  })
})

it('whatever is sent, only answers of fields come back, and a required field is there or named', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('how', 'street', 'floor', '__proto__', 'x'), fc.jsonValue()),
      (given) => {
        const { answers, problems } = checkAnswers(delivery, given)
        expect(Object.keys(answers).every((key) => ['how', 'street', 'floor'].includes(key))).toBe(true)
        expect('how' in answers || problems.some(({ field }) => field === 'how')).toBe(true)
      },
    ),
    { seed: 16, numRuns: 300 },
  )
})
