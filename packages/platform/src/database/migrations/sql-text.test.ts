import { expect, it } from 'vitest'
import { lineOfFailure } from './sql-text.ts'

const script = `-- Things; and more.
create table things (id int);

create function f() returns int language sql as $$
  select 1; select 2;
$$;
comment on table things is 'one; two';

insert into things values (1);`

it.each([
  [0, 2],
  [1, 4],
  [2, 7],
  [3, 9],
])('the statement after %i that were done starts in line %i', (done, line) => {
  expect(lineOfFailure(script, done, new Error('no position'))).toBe(line)
})

it('a position is counted in characters, not in UTF-16 units', () => {
  expect(lineOfFailure("select '😀😀';\nselekt 1", 1, { position: '14' })).toBe(2)
})
