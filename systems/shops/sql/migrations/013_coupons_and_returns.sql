-- Coupons, and returns of single lines.

create type public.coupon_kind as enum ('percent', 'amount');

create table public.coupons (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  code text not null check (code ~ '^[A-Z0-9_-]{2,40}$'),
  kind public.coupon_kind not null,
  value numeric not null check (value > 0 and value < 'Infinity'),
  min_total numeric not null default 0 check (min_total >= 0 and min_total < 'Infinity'),
  max_discount numeric check (max_discount > 0 and max_discount < 'Infinity'),
  max_uses integer check (max_uses > 0),
  max_uses_per_customer integer check (max_uses_per_customer > 0),
  used_count integer not null default 0 check (used_count >= 0 and used_count <= coalesce(max_uses, used_count)),
  starts_at timestamptz,
  ends_at timestamptz,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (shop_id, code),
  unique (shop_id, id),
  constraint coupons_percent check (kind <> 'percent' or value <= 100),
  constraint coupons_window check (ends_at > starts_at)
);
comment on table public.coupons is 'Codes that take something off an order: a percentage or an amount in major units.';
comment on column public.coupons.code is 'In capitals; orders may name it in any case.';
comment on column public.coupons.used_count is 'Orders that use it and are not cancelled. Kept by a trigger.';

create table public.coupon_redemptions (
  shop_id uuid not null,
  coupon_id uuid not null,
  order_id uuid not null,
  customer text,
  is_counted boolean not null default true,
  redeemed_at timestamptz not null default now(),
  primary key (shop_id, order_id),
  foreign key (shop_id, coupon_id) references public.coupons (shop_id, id),
  foreign key (shop_id, order_id) references public.form_submissions (shop_id, id) on delete cascade
);
comment on table public.coupon_redemptions is 'Which order used which coupon; one that was cancelled is not counted. Written by SQL alone.';
create index coupon_redemptions_coupon on public.coupon_redemptions (shop_id, coupon_id, customer);
create trigger touch_row before update on public.coupons for each row execute function plinth.touch_row();

alter table public.coupons enable row level security;
alter table public.coupon_redemptions enable row level security;
revoke all on public.coupons, public.coupon_redemptions from anon, authenticated, service_role;
grant select, delete on public.coupons to authenticated;
grant insert (id, shop_id, code, kind, value, min_total, max_discount, max_uses, max_uses_per_customer, starts_at, ends_at, enabled),
  update (min_total, max_discount, max_uses, max_uses_per_customer, starts_at, ends_at, enabled) on public.coupons to authenticated;
grant select, insert, update, delete on public.coupons to service_role;
grant select on public.coupon_redemptions to authenticated, service_role;
create policy "select by role" on public.coupons for select to authenticated using (shop_id = any ((select private.my_shops())::uuid[]));
create policy "insert by role" on public.coupons for insert to authenticated
  with check (shop_id = any ((select private.my_shops('Owner', 'Admin'))::uuid[]));
create policy "update by role" on public.coupons for update to authenticated
  using (shop_id = any ((select private.my_shops('Owner', 'Admin'))::uuid[])) with check (shop_id = any ((select private.my_shops('Owner', 'Admin'))::uuid[]));
create policy "delete by role" on public.coupons for delete to authenticated
  using (shop_id = any ((select private.my_shops('Owner', 'Admin'))::uuid[]));
create policy "select by role" on public.coupon_redemptions for select to authenticated
  using (shop_id = any ((select private.my_shops())::uuid[]));

create function private.coupon_discount(p_coupon public.coupons, p_total numeric, p_currency text) returns numeric
language sql stable set search_path = '' as $$
  select plinth.to_major(plinth.to_minor(least(p_total, p_coupon.max_discount,
    case p_coupon.kind when 'percent' then p_total * p_coupon.value / 100 else p_coupon.value end), p_currency), p_currency)
$$;
comment on function private.coupon_discount(public.coupons, numeric, text) is
  'What a coupon takes off a total, major units: never more than the total, rounded once to the currency''s minor unit.';

create function private.lines_total(p_ordered_products jsonb) returns numeric language sql immutable set search_path = '' as $$
  select coalesce(sum(private.try_units(l.value -> 'quantity') * private.try_price(l.value -> 'unitPrice', false)), 0)
  from jsonb_array_elements(case jsonb_typeof(p_ordered_products) when 'array' then p_ordered_products else '[]' end) l
$$;
comment on function private.lines_total(jsonb) is
  'The total of ordered_products before they are checked: lines that are wrong count nothing, and the order is refused for them after that.';

-- security definer: counts uses past the caller's row rights.
create function private.apply_coupon() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_coupon public.coupons;
  v_customer text := private.customer_key(new.customer_email, new.customer_phone);
  v_total numeric := private.lines_total(new.ordered_products);
  v_problem text;
begin
  if tg_op = 'UPDATE' and new.coupon_code is distinct from old.coupon_code then
    perform plinth.refuse('order_identity_fixed', 422, 'An order keeps the coupon that it was placed with.',
      p_hint => 'Create another order instead.');
  end if;
  select * into v_coupon from public.coupons where shop_id = new.shop_id and code = upper(trim(new.coupon_code)) for no key update;
  v_problem := case
    when v_coupon.id is null then 'There is no such coupon.'
    when tg_op = 'UPDATE' then null
    when not v_coupon.enabled or plinth.now() < v_coupon.starts_at or plinth.now() >= v_coupon.ends_at then 'The coupon is not valid now.'
    when v_coupon.used_count >= v_coupon.max_uses then 'The coupon has been used up.'
    when v_coupon.max_uses_per_customer is not null and v_customer is null then 'The coupon needs an e-mail address or a telephone number.'
    when v_coupon.max_uses_per_customer <= (select count(*) from public.coupon_redemptions r
      where r.shop_id = new.shop_id and r.coupon_id = v_coupon.id and r.customer = v_customer and r.is_counted)
      then 'You have used this coupon already.'
    when v_total < v_coupon.min_total then format('The coupon needs an order of %s.', v_coupon.min_total)
  end;
  if v_problem is not null then
    perform plinth.refuse('coupon_refused', 422, v_problem, jsonb_build_object('coupon', new.coupon_code), 'Nothing was ordered.');
  end if;
  new.coupon_code := v_coupon.code;
  -- An order that shrinks below the coupon's minimum keeps the coupon, which takes off what it can.
  new.discount := private.coupon_discount(v_coupon, v_total, (select currency from public.shops where id = new.shop_id));
  return new;
end $$;
comment on function private.apply_coupon() is 'Trigger: raises coupon_refused (PT422), or computes the discount of an order with a coupon.';

-- security definer: redemptions are written by SQL alone.
create function private.redeem_coupon() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_coupon_id uuid;
  v_is_counted boolean := tg_op <> 'DELETE' and new.status <> 'Cancelled';
begin
  if tg_op = 'INSERT' then
    select id into v_coupon_id from public.coupons where shop_id = new.shop_id and code = new.coupon_code;
    insert into public.coupon_redemptions (shop_id, coupon_id, order_id, customer, is_counted)
      values (new.shop_id, v_coupon_id, new.id, private.customer_key(new.customer_email, new.customer_phone), v_is_counted);
  else
    update public.coupon_redemptions set is_counted = v_is_counted
      where shop_id = old.shop_id and order_id = old.id and is_counted <> v_is_counted returning coupon_id into v_coupon_id;
    if not found then
      return case tg_op when 'DELETE' then old else new end;
    end if;
  end if;
  if tg_op <> 'INSERT' or v_is_counted then
    begin
      update public.coupons set used_count = used_count + case when v_is_counted then 1 else -1 end where id = v_coupon_id;
    exception when check_violation then
      perform plinth.refuse('coupon_refused', 422, 'The coupon has been used up.', jsonb_build_object('coupon', new.coupon_code));
    end;
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function private.redeem_coupon() is 'Trigger: an order counts as a use of its coupon while it is not cancelled.';

create trigger apply_coupon before insert on public.form_submissions for each row
  when (new.coupon_code is not null and not new.imported) execute function private.apply_coupon();
create trigger apply_coupon_change before update on public.form_submissions for each row
  when ((old.coupon_code is not null or new.coupon_code is not null) and not new.imported
    and (old.coupon_code, old.ordered_products, old.discount) is distinct from (new.coupon_code, new.ordered_products, new.discount))
  execute function private.apply_coupon();
create trigger redeem_coupon after insert on public.form_submissions for each row
  when (new.coupon_code is not null and not new.imported) execute function private.redeem_coupon();
create trigger redeem_coupon_change after update of status on public.form_submissions for each row
  when (new.coupon_code is not null and (old.status = 'Cancelled') <> (new.status = 'Cancelled')) execute function private.redeem_coupon();
create trigger redeem_coupon_end before delete on public.form_submissions for each row
  when (old.coupon_code is not null) execute function private.redeem_coupon();

-- security definer: reads coupons past the caller's row rights; the tenant is checked here.
create function public.check_coupon(p_shop_id uuid, p_code text, p_total numeric) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_coupon public.coupons;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  select * into v_coupon from public.coupons
    where shop_id = p_shop_id and code = upper(trim(p_code)) and enabled and plinth.now() >= coalesce(starts_at, '-infinity')
      and plinth.now() < coalesce(ends_at, 'infinity') and used_count < coalesce(max_uses, used_count + 1) and p_total >= min_total;
  return case when v_coupon.id is not null then jsonb_build_object('code', v_coupon.code,
    'discount', private.coupon_discount(v_coupon, p_total, (select currency from public.shops where id = p_shop_id))) end;
end $$;
comment on function public.check_coupon(uuid, text, numeric) is
  'What a coupon would take off an order of a total, {code, discount} in major units, or null where it would be refused.';

-- Returns of lines --------------------------------------------------------------------------------------------------------

create function private.share(p_whole numeric, p_part numeric, p_of numeric) returns bigint language sql immutable
return case when p_of = 0 then 0 else round(p_whole * p_part / p_of)::bigint end;
comment on function private.share(numeric, numeric, numeric) is
  'p_part out of p_of of a whole, in minor units. A part is the share up to it less the share before it, so all parts add up to the whole.';

-- security definer: returns and the ledger are written by SQL alone; the tenant and the role are checked here.
create function public.return_lines(p_order_id uuid, p_lines jsonb, p_key text, p_reason text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_order public.form_submissions;
  v_problems jsonb;
  v_returned jsonb;
begin
  select * into v_order from public.form_submissions where id = p_order_id;
  if v_order.id is null or not (plinth.is_trusted() or v_order.shop_id = any (private.my_shops())) then
    perform plinth.refuse('unknown_order', 404, 'There is no such order.');
  end if;
  perform private.require_role(v_order.shop_id, 'Owner', 'Admin', 'Order Manager');
  select * into v_order from public.form_submissions where id = p_order_id for no key update;
  if coalesce(p_key, '') = '' or length(p_key) > 200 or jsonb_typeof(p_lines) is distinct from 'array' or jsonb_array_length(p_lines) not between 1 and 1000 then
    perform plinth.refuse('invalid_return', 422, 'A return has a key and a list of {line_no, quantity, restock}.');
  end if;
  if exists (select from public.order_returns r where r.shop_id = v_order.shop_id and r.order_id = p_order_id and r.return_key = p_key) then
    return private.show_return(v_order.shop_id, p_order_id, p_key);
  end if;
  if v_order.status not in ('Confirmed', 'Completed') then
    perform plinth.refuse('order_not_returnable', 409, format('Order %s is %s: nothing of it can come back.', v_order.submission_id, v_order.status),
      jsonb_build_object('order', v_order.submission_id));
  end if;

  with wish as (
    select w.no, private.try_units(w.value -> 'line_no') as line_no, private.try_units(w.value -> 'quantity') as quantity,
      coalesce(w.value -> 'restock', 'true') as restock
    from jsonb_array_elements(p_lines) with ordinality w (value, no)
  )
  select jsonb_agg(jsonb_build_object('line', w.no, 'problem', p.problem) order by w.no) into v_problems
    from wish w
    left join public.order_lines l on l.shop_id = v_order.shop_id and l.order_id = p_order_id and l.line_no = w.line_no
    cross join lateral (select coalesce(sum(r.quantity), 0) as quantity from public.order_returns r
      where r.shop_id = v_order.shop_id and r.order_id = p_order_id and r.line_no = w.line_no) r
    cross join lateral (select case
      when l.line_no is null then 'line_no must be a line of the order'
      when w.quantity is null then 'quantity must be a whole number from 1'
      when jsonb_typeof(w.restock) <> 'boolean' then 'restock must be true or false'
      when (select count(*) from wish o where o.line_no = w.line_no) > 1 then 'the line stands in the list twice'
      when w.quantity > l.quantity - r.quantity then format('only %s are left to return', greatest(l.quantity - r.quantity, 0))
    end as problem) p
    where p.problem is not null;
  if v_problems is not null then
    perform plinth.refuse('invalid_return', 422, format('Line %s of the return: %s.', v_problems #>> '{0,line}', v_problems #>> '{0,problem}'),
      jsonb_build_object('lines', v_problems), 'Nothing was changed.');
  end if;

  with wish as (
    select (w.value ->> 'line_no')::integer as line_no, (w.value ->> 'quantity')::integer as quantity,
      coalesce((w.value ->> 'restock')::boolean, true) as restock
    from jsonb_array_elements(p_lines) w
  ),
  part as (
    select l.*, w.quantity as back, w.restock, r.quantity as before,
      private.share(l.amount_minor, r.quantity + w.quantity, l.quantity) - private.share(l.amount_minor, r.quantity, l.quantity) as minor
    from wish w
    join public.order_lines l on l.shop_id = v_order.shop_id and l.order_id = p_order_id and l.line_no = w.line_no
    cross join lateral (select coalesce(sum(r.quantity), 0) as quantity from public.order_returns r
      where r.shop_id = v_order.shop_id and r.order_id = p_order_id and r.line_no = w.line_no) r
  ),
  ranked as (
    select p.*, sum(p.minor) over (order by p.line_no) as running,
      (select coalesce(sum(r.amount_minor), 0) from public.order_returns r where r.shop_id = v_order.shop_id and r.order_id = p_order_id) as earlier,
      (select sum(l.amount_minor) from public.order_lines l where l.shop_id = v_order.shop_id and l.order_id = p_order_id) as whole,
      plinth.to_minor(v_order.discount, p.currency) as discount
    from part p
  )
  insert into public.order_returns (shop_id, order_id, line_no, return_key, quantity, restocked, amount_minor, discount_minor, cost_minor,
    reason, returned_by, returned_at)
  select r.shop_id, r.order_id, r.line_no, p_key, r.back, r.restock, r.minor,
    private.share(r.discount, r.earlier + r.running, r.whole) - private.share(r.discount, r.earlier + r.running - r.minor, r.whole),
    case when r.restock then private.share(r.quantity * plinth.to_minor(c.cost, r.currency), r.before + r.back, r.quantity)
      - private.share(r.quantity * plinth.to_minor(c.cost, r.currency), r.before, r.quantity) else 0 end,
    nullif(trim(p_reason), ''), auth.uid(), plinth.now()
  from ranked r
  left join public.items i on r.unit_cost is null and i.shop_id = r.shop_id and i.id = r.item_id
  cross join lateral (select coalesce(r.unit_cost, i.original_price, 0) as cost) c;

  perform private.take_back_units(v_order, p_key, p_reason);
  return private.show_return(v_order.shop_id, p_order_id, p_key);
end $$;
comment on function public.return_lines(uuid, jsonb, text, text) is
  'Takes units of a confirmed or completed order''s lines back, all or none: [{line_no, quantity, restock}], restock true by default. '
  'Once per key: the same key again answers the same return. Answers {amount, lines}, amount being what is to be given back, in major '
  'units. When nothing of the order is left, it still stands; setting it to Return refunds nothing more.';

create function private.take_back_units(p_order public.form_submissions, p_key text, p_reason text) returns void
language plpgsql set search_path = '' as $$
declare
  v_back jsonb;
begin
  -- What came back is no demand of the order any more, on the shelf or not: cancelling it later gives back the rest.
  select jsonb_object_agg(b.item_id, b.quantity) into v_back
    from (
      select l.item_id, sum(r.quantity) as quantity
      from public.order_returns r join public.order_lines l using (shop_id, order_id, line_no)
      where r.shop_id = p_order.shop_id and r.order_id = p_order.id and r.return_key = p_key and l.item_id is not null
      group by l.item_id
    ) b;
  perform from public.order_stock o where o.shop_id = p_order.shop_id and o.order_ref = p_order.submission_id for no key update;
  update public.order_stock o
    set updated_at = now(), demand = (
      select coalesce(jsonb_object_agg(d.key, d.value::bigint - coalesce((v_back ->> d.key)::bigint, 0))
        filter (where d.value::bigint > coalesce((v_back ->> d.key)::bigint, 0)), '{}')
      from jsonb_each_text(o.demand) d)
    where o.shop_id = p_order.shop_id and o.order_ref = p_order.submission_id and v_back is not null;
  perform private.post_movements(m.movements)
    from (
      select array_agg(row(r.shop_id, l.item_id, r.quantity, coalesce(nullif(trim(p_reason), ''), format('Order %s: returned', p_order.submission_id)),
        p_order.submission_id, r.returned_by, r.returned_at, 'return')::private.movement order by l.item_id, r.line_no) as movements
      from public.order_returns r join public.order_lines l using (shop_id, order_id, line_no)
      where r.shop_id = p_order.shop_id and r.order_id = p_order.id and r.return_key = p_key and r.restocked and l.item_id is not null
    ) m
    where m.movements is not null;
end $$;
comment on function private.take_back_units(public.form_submissions, text, text) is 'What a return of lines does to stock.';

create function private.show_return(p_shop_id uuid, p_order_id uuid, p_key text) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('amount', plinth.to_major(sum(r.amount_minor - r.discount_minor), min(l.currency)),
    'lines', jsonb_agg(jsonb_build_object('line_no', r.line_no, 'item_id', l.item_id, 'quantity', r.quantity, 'restocked', r.restocked,
      'amount', plinth.to_major(r.amount_minor - r.discount_minor, l.currency)) order by r.line_no))
  from public.order_returns r join public.order_lines l using (shop_id, order_id, line_no)
  where r.shop_id = p_shop_id and r.order_id = p_order_id and r.return_key = p_key
$$;
comment on function private.show_return(uuid, uuid, text) is 'A return of lines as it is answered.';

revoke all on all functions in schema private from public;
revoke all on function public.check_coupon(uuid, text, numeric), public.return_lines(uuid, jsonb, text, text) from public, anon;
grant execute on function public.check_coupon(uuid, text, numeric), public.return_lines(uuid, jsonb, text, text) to authenticated, service_role;
