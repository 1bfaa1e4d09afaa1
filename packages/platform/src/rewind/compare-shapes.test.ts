import { expect, test } from 'vitest'
import { compareShapes } from './compare-shapes.ts'
import type { ShapedColumn, TableShape } from './read-tables.ts'

const column = (name: string, more: Partial<ShapedColumn> = {}): ShapedColumn => ({
  name,
  type: 25,
  modifier: -1,
  generated: false,
  parts: {},
  ...more,
})
const shape = (columns: TableShape['columns'], more: Partial<TableShape> = {}): TableShape => ({
  table: 1,
  key: [1],
  columns,
  ...more,
})
const was = shape({ 1: column('id'), 2: column('a'), 3: column('b', { parts: { 'label 7': 'calm' } }) })
const problemOf = (is: TableShape) => compareShapes(was, is).problem

test('the same shape takes everything', () =>
  expect(compareShapes(was, was)).toEqual({ added: [], retyped: [] }))

test('a column that was added is left out, one that was dropped does not matter', () => {
  const is = shape({ 1: column('id'), 2: column('a'), 4: column('late') })
  expect(compareShapes(was, is)).toEqual({ added: ['late'], retyped: [] })
})

test('a column of another type is to be tried', () => {
  const is = shape({ ...was.columns, 2: column('a', { modifier: 20 }) })
  expect(compareShapes(was, is)).toEqual({ added: [], retyped: ['a'] })
})

test.each([
  ['two names that were swapped', shape({ ...was.columns, 2: column('b'), 3: column('a') }), /was called/],
  ['a name that was changed', shape({ ...was.columns, 2: column('c') }), /was called "a"/],
  ['a column that was dropped and made anew', shape({ 1: column('id'), 4: column('a') }), /is another one/],
  ['another table', shape(was.columns, { table: 2 }), /another table/],
  ['another key', shape(was.columns, { key: [1, 2] }), /another primary key/],
  [
    'labels that were renamed',
    shape({ ...was.columns, 3: column('b', { parts: { 'label 7': 'serene' } }) }),
    /other names/,
  ],
  ['a generated column', shape({ ...was.columns, 2: column('a', { generated: true }) }), /not generated/],
])('%s are refused', (_, is, problem) => expect(problemOf(is)).toMatch(problem))
