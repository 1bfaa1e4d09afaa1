import { describe, expect, test } from 'vitest'
import { useRest } from './rest-client.ts'

const rest = useRest()
const read = async (path: string) => {
  const { status, json } = await rest.get(path)
  expect({ path, status, json }).toMatchObject({ status: 200 })
  return json
}

describe('relationships', () => {
  test('many-to-one gives an object, or null', async () => {
    expect(await read('/films?select=id,directors(name)&id=in.(1,5)&order=id')).toEqual([
      { id: 1, directors: { name: 'Varda' } },
      { id: 5, directors: null },
    ])
  })
  test('one-to-many gives a list, or an empty one', async () => {
    expect(await read('/directors?select=name,films(title)&order=id&films.order=title.desc')).toEqual([
      { name: 'Varda', films: [{ title: 'Vagabond' }, { title: 'Cleo from 5 to 7' }] },
      { name: 'Kurosawa', films: [{ title: 'Seven Samurai' }, { title: 'Ran' }] },
      { name: 'Nobody', films: [] },
    ])
  })
  test('one-to-one gives an object from both sides', async () => {
    expect(await read('/films?select=specs(camera)&id=eq.1')).toEqual([{ specs: { camera: 'Arriflex' } }])
    expect(await read('/specs?select=films(title)&film_id=eq.3')).toEqual([{ films: { title: 'Ran' } }])
  })
  test('many-to-many goes through the junction', async () => {
    expect(await read('/actors?select=name,films(title)&id=eq.3&films.order=id')).toEqual([
      { name: 'Tatsuya', films: [{ title: 'Ran' }, { title: 'Seven Samurai' }] },
    ])
  })
  test('nest, with filters, order and limits at each level', async () => {
    const path =
      '/directors?select=name,works:films(title,roles(part,actors(name)))&id=eq.2' +
      '&works.title=like.Seven*&works.roles.order=part.asc&works.roles.limit=1'
    expect(await read(path)).toEqual([
      {
        name: 'Kurosawa',
        works: [{ title: 'Seven Samurai', roles: [{ part: 'Kikuchiyo', actors: { name: 'Toshiro' } }] }],
      },
    ])
  })
  test('are counted, also where aggregates are switched off', async () => {
    expect(
      await read('/directors?select=name,films(count),late:films(n:count)&late.year=gt.1980&order=id'),
    ).toEqual([
      { name: 'Varda', films: [{ count: 2 }], late: [{ n: 1 }] },
      { name: 'Kurosawa', films: [{ count: 2 }], late: [{ n: 1 }] },
      { name: 'Nobody', films: [{ count: 0 }], late: [{ n: 0 }] },
    ])
    expect(await read('/films?select=count&year=eq.1985')).toEqual([{ count: 2 }])
    expect(await read('/rpc/films_since?since=1980&select=count')).toEqual([{ count: 2 }])
    const films = rest.client().from('films')
    expect(await films.select('count', { count: 'exact', head: true }).gt('id', 1)).toMatchObject({
      count: 4,
      error: null,
    })
    const grouped = await rest.get('/films?select=year,count')
    expect([grouped.status, grouped.json]).toMatchObject([400, { code: 'PGRST123' }])
  })
  test('a column named count is that column', async () => {
    expect(await read('/polls?select=count&order=id')).toEqual([{ count: 7 }, { count: 9 }])
  })
  test('are named by column, by constraint and by hint', async () => {
    expect(
      await read(
        '/orders?select=note,billing_id(city),ship:addresses!orders_shipping(city),b:addresses!billing_id(city)&id=eq.1',
      ),
    ).toEqual([{ note: 'first', billing_id: { city: 'Pune' }, ship: { city: 'Lima' }, b: { city: 'Pune' } }])
    expect(await read('/orders?select=orders_billing(city)&id=eq.1')).toEqual([
      { orders_billing: { city: 'Pune' } },
    ])
    expect(
      await read('/addresses?select=city,paid:orders!orders_billing(note)&id=eq.1&paid.order=id'),
    ).toEqual([{ city: 'Pune', paid: [{ note: 'first' }, { note: 'second' }] }])
  })
  test('within one table: the column leads up, the table leads down', async () => {
    expect(await read('/employees?select=name,boss:boss_id(name),team:employees(name)&id=eq.2')).toEqual([
      { name: 'Bob', boss: { name: 'Ada' }, team: [{ name: 'Di' }] },
    ])
  })
  test('may be computed by a function', async () => {
    expect(await read('/directors?select=name,best_film(title)&order=id')).toEqual([
      { name: 'Varda', best_film: { title: 'Cleo from 5 to 7' } },
      { name: 'Kurosawa', best_film: { title: 'Seven Samurai' } },
      { name: 'Nobody', best_film: null },
    ])
  })
  test('of views follow their base tables', async () => {
    expect(await read('/film_list?select=title,directors(name),specs(camera),actors(name)&id=eq.1')).toEqual([
      {
        title: 'Cleo from 5 to 7',
        directors: { name: 'Varda' },
        specs: { camera: 'Arriflex' },
        actors: [{ name: 'Corinne' }],
      },
    ])
    expect(await read('/directors?select=film_list(title)&id=eq.2&film_list.order=id')).toEqual([
      { film_list: [{ title: 'Ran' }, { title: 'Seven Samurai' }] },
    ])
  })
})

describe('joins', () => {
  test('inner drops parents without a match, also from the count', async () => {
    const found = await rest.get('/directors?select=name,films!inner(title)&films.year=eq.1954&limit=5', {
      headers: { prefer: 'count=exact' },
    })
    expect(found.json).toEqual([{ name: 'Kurosawa', films: [{ title: 'Seven Samurai' }] }])
    expect(found.headers.get('content-range')).toBe('0-0/1')
  })
  test('a filter without inner empties the list and keeps the parent', async () => {
    expect(await read('/directors?select=id,films(title)&films.year=eq.1954&order=id')).toEqual([
      { id: 1, films: [] },
      { id: 2, films: [{ title: 'Seven Samurai' }] },
      { id: 3, films: [] },
    ])
  })
  test('an embed can be null or not, also in a tree, also unselected', async () => {
    expect(await read('/directors?select=name,films()&films=is.null')).toEqual([{ name: 'Nobody' }])
    expect(
      await read('/films?select=id,specs(),directors()&or=(specs.not.is.null,directors.is.null)&order=id'),
    ).toEqual([{ id: 1 }, { id: 3 }, { id: 5 }])
    expect((await rest.get('/directors?select=films()&films=eq.1')).json).toMatchObject({ code: 'PGRST120' })
  })
  test('the parent is sorted by a to-one embed', async () => {
    expect(
      await read('/films?select=id,directors(name)&order=directors(name).asc.nullsfirst,id'),
    ).toMatchObject([5, 3, 4, 1, 2].map((id) => ({ id })))
    expect((await rest.get('/directors?select=films(id)&order=films(id)')).json).toMatchObject({
      code: 'PGRST118',
    })
  })
  test('spread columns become the parent’s own', async () => {
    expect(await read('/films?select=title,...directors(director:name,born)&id=in.(3,5)&order=id')).toEqual([
      { title: 'Ran', director: 'Kurosawa', born: '1910-03-23' },
      { title: 'Lost, "Found"', director: null, born: null },
    ])
    expect(await read('/films?select=actors:roles(part,...actors(name))&id=eq.1')).toEqual([
      { actors: [{ part: 'Cleo', name: 'Corinne' }] },
    ])
    expect(
      await read('/directors?select=name,...films(titles:title)&id=in.(2,3)&order=id&films.order=id'),
    ).toEqual([
      { name: 'Kurosawa', titles: ['Ran', 'Seven Samurai'] },
      { name: 'Nobody', titles: [] },
    ])
  })
})

describe('mistakes', () => {
  test('several ways are listed', async () => {
    const { status, json } = await rest.get('/orders?select=addresses(city)')
    expect(status).toBe(300)
    expect(json).toEqual({
      code: 'PGRST201',
      message: "Could not embed because more than one relationship was found for 'orders' and 'addresses'",
      details: [
        {
          cardinality: 'many-to-one',
          embedding: 'orders with addresses',
          relationship: 'orders_billing using orders(billing_id) and addresses(id)',
        },
        {
          cardinality: 'many-to-one',
          embedding: 'orders with addresses',
          relationship: 'orders_shipping using orders(shipping_id) and addresses(id)',
        },
      ],
      hint: "Try changing 'addresses' to one of the following: 'addresses!orders_billing', 'addresses!orders_shipping'. Find the desired relationship in the 'details' key.",
    })
  })
  test('no way is answered with the nearest one', async () => {
    expect((await rest.get('/films?select=director(name)')).json).toEqual({
      code: 'PGRST200',
      message: "Could not find a relationship between 'films' and 'director' in the schema cache",
      details:
        "Searched for a foreign key relationship between 'films' and 'director' in the schema 'public', but no matches were found.",
      hint: "Perhaps you meant 'directors' instead of 'director'.",
    })
  })
  test('filters of what is not embedded are refused', async () => {
    expect((await rest.get('/films?select=id&actors.name=eq.x')).json).toMatchObject({ code: 'PGRST108' })
  })
})
