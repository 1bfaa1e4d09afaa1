-- The writes of a confirmed order by hand, in one function and without rules: copies of the tables with the same indexes, checks
-- and references, and nothing that refuses, holds, alerts, repeats safely or tells of what is short.
create schema hand;
grant usage on schema hand to authenticated;
create table hand.items (like public.items including all);
create table hand.pools (like plinth.pools including all);
create table hand.orders (like public.form_submissions including all);
create table hand.lines (like public.order_lines including all);
create table hand.order_stock (like public.order_stock including all);
create table hand.history (like public.stock_history including all);
alter table hand.items set (fillfactor = 70);
alter table hand.pools set (fillfactor = 50);
alter table hand.orders add foreign key (shop_id) references public.shops (id),
  add foreign key (shop_id, form_id) references public.forms (shop_id, id),
  add foreign key (shop_id, conversation_id) references public.conversations (shop_id, id);
alter table hand.lines add foreign key (shop_id, order_id) references hand.orders (shop_id, id),
  add foreign key (shop_id, item_id) references hand.items (shop_id, id);
alter table hand.order_stock add foreign key (shop_id) references public.shops (id);
alter table hand.history add foreign key (shop_id) references public.shops (id),
  add foreign key (shop_id, item_id) references hand.items (shop_id, id);
insert into hand.items select * from public.items;
insert into hand.pools select * from plinth.pools;

create function hand.confirm(p_shop_id uuid, p_number text, p_lines jsonb) returns void language plpgsql security definer
set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_id uuid := gen_random_uuid();
begin
  insert into hand.orders (id, shop_id, submission_id, status, ordered_products) values (v_id, p_shop_id, p_number, 'Confirmed', p_lines);
  perform from hand.items i
    where i.shop_id = p_shop_id and i.id in (select (l.value ->> 'productId')::uuid from jsonb_array_elements(p_lines) l)
    order by i.id for no key update;
  with wish as (
    select (l.value ->> 'productId')::uuid as item_id, sum((l.value ->> 'quantity')::integer)::integer as units
    from jsonb_array_elements(p_lines) l group by 1
  ),
  taken as (
    update hand.items i set stock = i.stock - wish.units from wish where i.id = wish.item_id returning i.id, i.stock, wish.units
  ),
  counted as (
    update hand.pools p set on_hand = p.on_hand - wish.units from wish where p.kind = 'stock' and p.thing = wish.item_id
  ),
  noted as (
    insert into hand.order_stock (shop_id, order_ref, state, demand)
    select p_shop_id, p_number, 'taken', jsonb_object_agg(item_id, units) from wish
  )
  insert into hand.history (shop_id, item_id, change, new_stock, kind, reason, order_ref)
  select p_shop_id, t.id, -t.units, t.stock, 'sale', 'Order ' || p_number, p_number from taken t;
  insert into hand.lines (shop_id, order_id, line_no, item_id, item_name, quantity, unit_price, amount, amount_minor, currency)
  select p_shop_id, v_id, l.no, i.id, i.name, q.units, q.price, q.units * q.price, round(q.units * q.price * 100), 'USD'
  from jsonb_array_elements(p_lines) with ordinality l (value, no)
  cross join lateral (select (l.value ->> 'quantity')::integer as units, (l.value ->> 'unitPrice')::numeric as price) q
  join hand.items i on i.shop_id = p_shop_id and i.id = (l.value ->> 'productId')::uuid;
end $$;
grant execute on function hand.confirm(uuid, text, jsonb) to authenticated;
