import { describe, expect, test } from 'vitest'
import { nearestName as nearest } from '../../kernel/index.ts'
import { castTypeFinder } from './cast-types.ts'
import { readShownColumns, resolveShownColumns } from './view-columns.ts'

describe('a cast', () => {
  const find = castTypeFinder([
    { own: true, name: 'int4', type: 'integer' },
    { own: true, name: 'numeric', type: 'numeric' },
    { own: true, name: 'varchar', type: 'character varying' },
    { own: true, name: 'timestamptz', type: 'timestamp with time zone' },
    { own: true, name: 'float8', type: 'double precision' },
    { own: false, name: 'mood', type: 'public.mood' },
  ])
  test.each([
    ['int', 'integer'],
    ['INT4', 'integer'],
    ['int4[]', 'integer[]'],
    ['numeric(10,2)', 'numeric(10,2)'],
    ['varchar(5)', 'character varying(5)'],
    ['double precision', 'double precision'],
    ['timestamptz(3)', 'timestamp(3) with time zone'],
    ['timestamp(3) with time zone', 'timestamp(3) with time zone'],
    ['mood', 'public.mood'],
    ['int(5)', undefined],
    ['text; drop', undefined],
    ['public.mood', undefined],
    ['nope', undefined],
    ['', undefined],
  ])('to %s is %s', (asked, type) => {
    expect(find(asked)).toBe(type)
  })
})

test.each([
  ['flims', 'films'],
  ['film', 'films'],
  ['Films', 'films'],
  ['actor', 'actors'],
  ['xyz', undefined],
  ['', undefined],
  ['f'.repeat(60_000), undefined],
])('near %s is %s', (name, expected) => {
  expect(nearest(name, ['films', 'actors', 'very_long_other_name'])).toBe(expected)
})

describe('columns of a view', () => {
  const entry = (number: number, relation: number, column: number, expression = '{VAR :varno 1}') =>
    `{TARGETENTRY :expr ${expression} :resno ${number} :resname c\\}x :ressortgroupref 0 :resorigtbl ${relation} :resorigcol ${column} :resjunk false}`
  const tree = (entries: string[], operations = '<>') =>
    `({QUERY :commandType 1 :rtable ({RTE :x 1}) :targetList (${entries.join(' ')}) :override 0 :setOperations ${operations}})`

  test('are those of its outermost list', () => {
    const inner = `{SUBLINK :subselect {QUERY :targetList (${entry(9, 99, 9)}) :override 0}}`
    expect(readShownColumns({ id: 1, action: tree([entry(1, 10, 4), entry(2, 0, 0, inner)]) })).toEqual([
      { column: 1, relation: 10, relationColumn: 4 },
    ])
    expect(readShownColumns({ id: 1, action: tree([entry(1, 10, 4)], '{SETOPERATIONSTMT :op 1}') })).toEqual(
      [],
    )
  })
  test('lead through views to tables', () => {
    const shown = resolveShownColumns([
      { id: 2, action: tree([entry(1, 1, 7)]) },
      { id: 1, action: tree([entry(7, 10, 3)]) },
    ])
    expect(shown.get(2)).toEqual([{ column: 1, relation: 10, relationColumn: 3 }])
  })
})
