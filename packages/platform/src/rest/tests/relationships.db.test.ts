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
