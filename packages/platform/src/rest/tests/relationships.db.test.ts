import { beforeAll, describe, expect, test } from 'vitest'
import { useRest } from './rest-client.ts'

const schema = `
  create schema vault;
  create table public.labels (id int primary key, name text);
  create table vault.film_labels (
    film_id int references public.films (id),
    label_id int references public.labels (id),
    primary key (film_id, label_id)
  );
  create table public.people (id int primary key, name text);
  create table public.matches (
    id int primary key,
    home_id int constraint matches_home references public.people (id),
    away_id int constraint matches_away references public.people (id)
  );
  create view public.people_view as select id, name from public.people;
  create view public.match_view as select id, home_id, home_id as host_id, away_id from public.matches;
  insert into public.people values (1, 'Ada'), (2, 'Bob');
  insert into public.matches values (1, 1, 2), (2, 2, 1);
  insert into public.labels values (1, 'classic'), (2, 'noir');
  insert into vault.film_labels values (1, 1), (3, 1), (3, 2);
  grant usage on schema vault to service_role;
  grant all on all tables in schema vault, public to service_role;`

const rest = useRest()
beforeAll(async () => {
  await rest.db.database.asOwner({ text: schema })
})

const ddl = async (text: string) => {
  await rest.db.database.asOwner({ text })
  await rest.surface().reload()
}

describe('a junction', () => {
  test('of a schema that is not served joins nothing', async () => {
    expect(await rest.get('/films?select=labels(name)')).toMatchObject({
      status: 400,
      json: { code: 'PGRST200' },
    })
  })
  test('may be a view that shows its key whole', async () => {
    await ddl(`create view public.film_labels as select film_id, label_id from vault.film_labels;
      grant select on public.film_labels to service_role`)
    const { json } = await rest.get('/films?select=id,labels(name)&id=in.(1,3)&order=id&labels.order=name')
    expect(json).toEqual([
      { id: 1, labels: [{ name: 'classic' }] },
      { id: 3, labels: [{ name: 'classic' }, { name: 'noir' }] },
    ])
    await ddl('drop view public.film_labels')
  })
})

describe('a target', () => {
  const read = async (path: string) => (await rest.get(path)).json
  test.each(['home_id', 'matches_home', 'people!home_id', 'people!matches_home'])(
    '%s leads to the table, though a view shows it too',
    async (target) => {
      expect(await read(`/matches?select=id,home:${target}(name)&order=id`)).toEqual([
        { id: 1, home: { name: 'Ada' } },
        { id: 2, home: { name: 'Bob' } },
      ])
    },
  )
  test('that is a key leads from both of its sides', async () => {
    expect(await read('/people?select=name,matches_away(id)&id=eq.1')).toEqual([
      { name: 'Ada', matches_away: [{ id: 2 }] },
    ])
  })
  test('may be a view, by its own name', async () => {
    expect(await read('/matches?select=people_view!matches_home(name)&id=eq.1')).toEqual([
      { people_view: { name: 'Ada' } },
    ])
  })
  test('of a view that shows a column twice is chosen by that column', async () => {
    for (const column of ['home_id', 'host_id']) {
      expect(await read(`/match_view?select=people!${column}(name)&id=eq.1`)).toEqual([
        { people: { name: 'Ada' } },
      ])
    }
    expect(await rest.get('/match_view?select=people(name)')).toMatchObject({
      status: 300,
      json: { code: 'PGRST201' },
    })
  })
})

describe('an embed with an alias', () => {
  const read = async (path: string) => (await rest.get(path)).json
  test.each(['maker', 'directors'])('is addressed as %s', async (name) => {
    expect(
      await read(
        `/films?select=id,maker:directors(name)&${name}.name=eq.Varda&${name}=not.is.null&order=${name}(name),id`,
      ),
    ).toEqual([
      { id: 1, maker: { name: 'Varda' } },
      { id: 2, maker: { name: 'Varda' } },
    ])
  })
  test.each(['work', 'films'])('takes order, limit and deeper clauses as %s', async (name) => {
    expect(
      await read(
        `/directors?select=work:films(title,specs(camera))&id=eq.2&${name}.order=title.desc&${name}.limit=1&${name}.specs.camera=eq.x`,
      ),
    ).toEqual([{ work: [{ title: 'Seven Samurai', specs: null }] }])
  })
  test('leaves its relation’s name to another embed that has it', async () => {
    expect(
      await read('/directors?select=all:films(id),films(id)&id=eq.1&films.id=eq.2&all.order=id'),
    ).toEqual([{ all: [{ id: 1 }, { id: 2 }], films: [{ id: 2 }] }])
  })
  test('is needed where two embeds have one name', async () => {
    expect(await rest.get('/films?select=directors(id),directors(name)')).toMatchObject({
      status: 400,
      json: { code: '42712' },
    })
  })
})
