-- Who is told what, by the platform's notifications: the team of low stock and of new orders, customers of their order. Queued in
-- the transaction of what happened, so a message goes out if and when that is committed. notices/templates.ts has the texts.

create function private.tell(p_messages jsonb) returns void language plpgsql set search_path = '' as $$
begin
  -- A Supabase project has no such queue.
  if p_messages is not null and to_regproc('plinth.queue_messages') is not null then
    perform plinth.queue_messages(p_messages);
  end if;
end $$;
comment on function private.tell(jsonb) is 'Queues messages where the platform''s notifications are.';

create function private.team_of(p_shop_id uuid) returns setof uuid language sql stable set search_path = '' as $$
  select s.owner_id from public.shops s where s.id = p_shop_id and s.owner_id is not null
  union
  select m.user_id from public.team_members m where m.shop_id = p_shop_id and m.role in ('Owner', 'Admin', 'Order Manager')
$$;
comment on function private.team_of(uuid) is 'Who sells in a shop, and is told of its stock and orders.';

-- security definer: messages are queued by SQL alone.
create function private.tell_low_stock() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform private.tell((
    select jsonb_agg(jsonb_build_object('person', t.person, 'channel', c.channel, 'template', 'low-stock', 'purpose', 'alert',
      'variables', jsonb_build_object('shop', a.name, 'count', a.count, 'items', a.items || case when a.count > 10 then ', …' else '' end)))
    from (
      select s.id, s.name, count(*) as count,
        string_agg(format('%s (%s)', i.name, i.stock), ', ' order by i.stock, i.name) filter (where r.rank <= 10) as items
      from (select r.*, row_number() over (partition by r.shop_id order by r.stock, r.id) as rank from raised r) r
      join public.shops s on s.id = r.shop_id
      join public.items i on i.shop_id = r.shop_id and i.id = r.item_id
      group by s.id, s.name
    ) a
    cross join lateral private.team_of(a.id) t (person)
    cross join (values ('in_app'), ('email')) c (channel)));
  return null;
end $$;
comment on function private.tell_low_stock() is 'Trigger: the team is told of the items that ran low, once for all of a statement.';
create trigger tell_low_stock after insert on public.low_stock_alerts referencing new table as raised
  for each statement execute function private.tell_low_stock();

-- security definer: as above.
create function private.tell_of_order() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_shop public.shops;
  v_template text := case when tg_op = 'INSERT' then 'order-received' when new.shipping_status = 'shipped' and old.shipping_status <> 'shipped'
    then 'order-shipped' else 'order-changed' end;
  v_order jsonb;
begin
  select * into v_shop from public.shops where id = new.shop_id;
  v_order := jsonb_build_object('shop', v_shop.name, 'order', new.submission_id, 'currency', v_shop.currency,
    'total', (private.lines_total(new.ordered_products) - new.discount)::text, 'status', lower(new.status::text),
    'shipping', replace(new.shipping_status::text, 'unshipped', ''), 'carrier', coalesce(new.shipping_carrier, ''),
    'tracking', coalesce(new.tracking_number, ''), 'tracking_url', coalesce(new.tracking_url, ''));
  if new.customer_email is not null and v_shop.notify_customers then
    perform private.tell(jsonb_build_array(jsonb_build_object('channel', 'email', 'address', new.customer_email, 'template', v_template,
      'variables', v_order, 'dedupe_key', format('order/%s/%s/%s', new.id, new.status, new.shipping_status))));
  end if;
  if tg_op = 'INSERT' and new.form_id is not null then
    perform private.tell((
      select jsonb_agg(jsonb_build_object('person', t.person, 'channel', 'in_app', 'template', 'new-order', 'variables', v_order))
      from private.team_of(new.shop_id) t (person)));
  end if;
  return null;
end $$;
comment on function private.tell_of_order() is
  'Trigger: a customer who gave an address is told of their order and of what becomes of it, each state once; the team of orders by form.';
create trigger tell_of_order after insert on public.form_submissions for each row
  when (not new.imported and (new.customer_email is not null or new.form_id is not null)) execute function private.tell_of_order();
create trigger tell_of_order_change after update of status, shipping_status on public.form_submissions for each row
  when (not new.imported and new.customer_email is not null
    and (old.status, old.shipping_status) is distinct from (new.status, new.shipping_status))
  execute function private.tell_of_order();

revoke all on all functions in schema private from public;
