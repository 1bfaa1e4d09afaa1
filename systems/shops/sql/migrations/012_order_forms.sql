-- Orders that customers place themselves, without an account, by a form that the shop designed.
--
-- The routes of forms/ call the functions here as the service role: each checks what the customer may. A customer has a key
-- that their own device made: the same key places the same order once, and opens it afterwards. Only its hash is kept.

create type public.proof_state as enum ('pending', 'accepted', 'rejected');

create table public.payment_proofs (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null,
  order_id uuid not null,
  path text not null,
  content_type text not null,
  size_bytes bigint not null check (size_bytes > 0),
  state public.proof_state not null default 'pending',
  note text check (length(note) <= 1000),
  uploaded_at timestamptz not null default now(),
  reviewed_by uuid,
  reviewed_at timestamptz,
  unique (shop_id, path),
  foreign key (shop_id, order_id) references public.form_submissions (shop_id, id) on delete cascade,
  constraint payment_proofs_reviewed check ((state = 'pending') = (reviewed_at is null))
);
comment on table public.payment_proofs is
  'What customers sent to show that they paid: the queue to review is state = pending. The files are in the bucket payment-proofs.';
comment on column public.payment_proofs.path is 'In the bucket: <shop>/<order>/<file>.';
create index payment_proofs_queue on public.payment_proofs (shop_id, state, uploaded_at);
create index payment_proofs_order on public.payment_proofs (shop_id, order_id);

create table private.order_keys (
  shop_id uuid not null,
  form_id uuid not null references public.forms (id) on delete cascade,
  key_hash bytea not null check (length(key_hash) = 32),
  order_id uuid not null,
  primary key (form_id, key_hash),
  foreign key (shop_id, order_id) references public.form_submissions (shop_id, id) on delete cascade
);
comment on table private.order_keys is 'SHA-256 of the key by which a customer placed an order and opens it.';
create index order_keys_order on private.order_keys (shop_id, order_id);
alter table private.order_keys enable row level security;

alter table public.payment_proofs enable row level security;
revoke all on public.payment_proofs from anon, authenticated, service_role;
grant select on public.payment_proofs to authenticated, service_role;
create policy "select by role" on public.payment_proofs for select to authenticated
  using (shop_id = any ((select private.my_shops())::uuid[]));

do $$
begin
  -- A Supabase project has the schema; a plain database may not.
  if to_regclass('storage.objects') is not null then
    insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
    values ('payment-proofs', 'payment-proofs', false, 10485760, '{image/png,image/jpeg,image/webp,application/pdf}')
    on conflict (id) do nothing;
    create policy "members see payment proofs" on storage.objects for select to authenticated
      using (bucket_id = 'payment-proofs'
        and (storage.foldername(name))[1] = any ((select private.my_shops())::text[]));
  end if;
end $$;

-- Forms ----------------------------------------------------------------------------------------------------------------

create function private.check_form_fields() returns trigger language plpgsql set search_path = '' as $$
declare
  v_problems text[];
begin
  with field as (
    select f.no, f.value, f.value ->> 'key' as key, f.value ->> 'type' as type from jsonb_array_elements(new.fields) with ordinality f (value, no)
  )
  select array_agg(format('field %s: %s', f.no, p.problem) order by f.no) into v_problems
    from field f
    cross join lateral (select case
      when f.no > 100 then 'a form has at most 100 fields'
      when jsonb_typeof(f.value) <> 'object' then 'must be an object {key, label, type}'
      when f.key is null or f.key !~ '^[A-Za-z][A-Za-z0-9_]{0,39}$' then 'key must be a letter and up to 39 letters, digits or _'
      when exists (select from field e where e.no < f.no and e.key = f.key) then 'another field has this key'
      when coalesce(length(f.value ->> 'label'), 0) not between 1 and 200 then 'label must have 1 to 200 characters'
      when f.type is null or f.type not in ('text', 'textarea', 'email', 'phone', 'number', 'select', 'multiselect', 'checkbox', 'date', 'url')
        then 'type must be text, textarea, email, phone, number, select, multiselect, checkbox, date or url'
      when f.type in ('select', 'multiselect') and (jsonb_typeof(f.value -> 'options') is distinct from 'array'
        or jsonb_array_length(f.value -> 'options') not between 1 and 200
        or exists (select from jsonb_array_elements(f.value -> 'options') o where jsonb_typeof(o) <> 'string'))
        then 'options must be a list of 1 to 200 texts'
      when f.value ? 'showIf' and (jsonb_typeof(f.value -> 'showIf') <> 'object'
        or not exists (select from field e where e.no < f.no and e.key = f.value #>> '{showIf,field}')
        or not (f.value -> 'showIf') ?| array['equals', 'in', 'notEquals'])
        then 'showIf must be {field, equals | in | notEquals} of a field before it'
      end as problem) p
    where p.problem is not null;
  if v_problems is not null then
    perform plinth.refuse('invalid_form_fields', 422, format('The form''s fields: %s.', v_problems[1]),
      jsonb_build_object('problems', to_jsonb(v_problems)), 'docs/shops.md has the types of fields and their rules.');
  end if;
  return new;
end $$;
comment on function private.check_form_fields() is 'Trigger: raises invalid_form_fields (PT422) where a form could not be filled in.';
create trigger check_form_fields before insert or update of fields on public.forms
  for each row execute function private.check_form_fields();

create function private.form_items(p_form public.forms)
returns table (id uuid, price numeric, item public.items) language sql stable set search_path = '' as $$
  select i.id, private.price_at(i.retail_price, i.promo_price, i.promo_start_date, i.promo_end_date, plinth.now()), i
  from public.items i
  left join public.items p on p.shop_id = i.shop_id and p.id = i.parent_id
  where i.shop_id = p_form.shop_id and not i.has_variants and (p_form.all_items or p_form.id in (i.form_id, p.form_id))
$$;
comment on function private.form_items(public.forms) is
  'What a form offers, at the price of this moment: items that name it, variants of those, or all of the shop.';

-- security definer: the schema's functions are closed; for the service role, which answers anybody.
create function private.form_page(p_form_id uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  v_form public.forms;
begin
  select * into v_form from public.forms where id = p_form_id and is_active;
  if not found then
    return null;
  end if;
  return (
    select jsonb_build_object(
      'form', jsonb_build_object('id', v_form.id, 'name', v_form.name, 'description', v_form.description, 'fields', v_form.fields,
        'requires_payment_proof', v_form.requires_payment_proof),
      'shop', jsonb_build_object('name', s.name, 'logo_url', s.logo_url, 'currency', s.currency),
      'items', (
        select coalesce(jsonb_agg(jsonb_build_object('id', o.id, 'name', (o.item).name, 'description', (o.item).description,
          'category', (o.item).category, 'image_url', (o.item).image_url, 'item_type', (o.item).item_type, 'parent_id', (o.item).parent_id,
          'variant', (o.item).variant, 'price', o.price, 'regular_price', (o.item).retail_price,
          'promotion_ends_at', case when o.price is distinct from (o.item).retail_price then (o.item).promo_end_date end,
          'available', least(a.available, 1000)) order by (o.item).name, o.id), '[]')
        from (select * from private.form_items(v_form) order by id limit 1000) o
        left join plinth.availability('stock', array(select f.id from private.form_items(v_form) f where (f.item).item_type = 'product')) a
          on a.thing = o.id),
      'payment_methods', (
        select coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'name', m.name, 'type', m.type, 'details', m.details,
          'instructions', m.instructions, 'qr_code_url', m.qr_code_url) order by m.name, m.id), '[]')
        from public.payment_methods m where m.shop_id = v_form.shop_id and m.enabled))
    from public.shops s where s.id = v_form.shop_id);
end $$;
comment on function private.form_page(uuid) is
  'What a customer sees of a form: fields, items with their present price and up to 1,000 available units (null for services), ways to '
  'pay. Null for a form that is not there or not open.';

-- Orders ---------------------------------------------------------------------------------------------------------------

create function private.order_total(p_shop_id uuid, p_order_id uuid) returns numeric language sql stable set search_path = '' as $$
  select plinth.to_major(coalesce((select sum(l.amount_minor) from public.order_lines l where l.shop_id = f.shop_id and l.order_id = f.id), 0)
    - coalesce((select sum(r.amount_minor - r.discount_minor) from public.order_returns r where r.shop_id = f.shop_id and r.order_id = f.id), 0),
    s.currency) - f.discount
  from public.form_submissions f join public.shops s on s.id = f.shop_id
  where f.shop_id = p_shop_id and f.id = p_order_id
$$;
comment on function private.order_total(uuid, uuid) is 'What an order costs its customer, major units: its lines less its discount and what came back.';

-- security definer: as above.
create function private.show_form_order(p_order_id uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('id', f.id, 'submission_id', f.submission_id, 'status', f.status, 'submitted_at', f.submitted_at,
    'currency', s.currency, 'total', private.order_total(f.shop_id, f.id), 'discount', f.discount, 'coupon_code', f.coupon_code,
    'shipping_status', f.shipping_status, 'shipping_carrier', f.shipping_carrier, 'tracking_number', f.tracking_number, 'tracking_url', f.tracking_url,
    'payment_method', f.payment_method,
    'lines', (select coalesce(jsonb_agg(jsonb_build_object('item_id', l.item_id, 'name', l.item_name, 'quantity', l.quantity,
      'unit_price', l.unit_price, 'amount', l.amount) order by l.line_no), '[]')
      from public.order_lines l where l.shop_id = f.shop_id and l.order_id = f.id),
    'payment_proofs', (select coalesce(jsonb_agg(jsonb_build_object('state', p.state, 'note', p.note, 'uploaded_at', p.uploaded_at)
      order by p.uploaded_at), '[]') from public.payment_proofs p where p.shop_id = f.shop_id and p.order_id = f.id))
  from public.form_submissions f join public.shops s on s.id = f.shop_id
  where f.id = p_order_id
$$;
comment on function private.show_form_order(uuid) is 'An order as its customer sees it.';

-- security definer: as above.
create function private.place_form_order(p_form_id uuid, p_key_hash bytea, p_order jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_form public.forms;
  v_order_id uuid;
  v_lines jsonb;
  v_refused jsonb;
  v_payment text;
begin
  -- One order of a form at a time: the same key finds the order of the call before it, and the limit holds.
  select * into v_form from public.forms where id = p_form_id and is_active for no key update;
  if not found then
    perform private.refuse_form();
  end if;
  select k.order_id into v_order_id from private.order_keys k where k.form_id = p_form_id and k.key_hash = p_key_hash;
  if found then
    return private.show_form_order(v_order_id);
  end if;
  if (select count(*) from (
      select from public.form_submissions f where f.shop_id = v_form.shop_id and f.form_id = v_form.id and f.status = 'Pending'
      limit v_form.max_open_orders) o) >= v_form.max_open_orders then
    perform plinth.refuse('too_many_open_orders', 429, 'The shop has too many open orders and takes no more at the moment.',
      p_hint => 'Try again later.');
  end if;

  select jsonb_agg(jsonb_build_object('productId', w.id, 'quantity', w.quantity, 'unitPrice', o.price) order by w.no),
      jsonb_agg(w.id) filter (where o.id is null)
    into v_lines, v_refused
    from rows from (jsonb_to_recordset(p_order -> 'items') as (id uuid, quantity integer)) with ordinality w (id, quantity, no)
    left join private.form_items(v_form) o on o.id = w.id;
  if v_lines is null or v_refused is not null then
    perform plinth.refuse('item_not_offered', 422, 'The form does not offer one of these items.', jsonb_build_object('items', v_refused),
      'Nothing was ordered. Load the form again.');
  end if;
  if p_order ->> 'payment_method_id' is not null then
    select m.name into v_payment from public.payment_methods m
      where m.shop_id = v_form.shop_id and m.id = (p_order ->> 'payment_method_id')::uuid and m.enabled;
    if not found then
      perform plinth.refuse('unknown_payment_method', 422, 'The shop does not take this payment method.', p_hint => 'Nothing was ordered.');
    end if;
  end if;

  insert into public.form_submissions (shop_id, form_id, ordered_products, customer_name, customer_phone, customer_email, payment_method,
    coupon_code, custom_fields, delivery_address, hold_minutes)
  values (v_form.shop_id, v_form.id, v_lines, p_order ->> 'customer_name', p_order ->> 'customer_phone', p_order ->> 'customer_email', v_payment,
    p_order ->> 'coupon_code', coalesce(p_order -> 'custom_fields', '{}'), nullif(p_order -> 'delivery_address', 'null'), v_form.hold_minutes)
  returning id into v_order_id;
  insert into private.order_keys (shop_id, form_id, key_hash, order_id) values (v_form.shop_id, v_form.id, p_key_hash, v_order_id);
  return private.show_form_order(v_order_id);
end $$;
comment on function private.place_form_order(uuid, bytea, jsonb) is
  'Places a customer''s order at the prices of this moment, its units held for the form''s minutes; the same key again answers the same '
  'order. p_order: {items: [{id, quantity}], customer_name, customer_phone, customer_email, payment_method_id, coupon_code, '
  'custom_fields, delivery_address}. Raises unknown_form, item_not_offered, too_many_open_orders, unknown_payment_method, and what '
  'orders and coupons raise.';

create function private.require_form_order(p_form_id uuid, p_order_id uuid, p_key_hash bytea) returns public.form_submissions
language plpgsql set search_path = '' as $$
declare
  v_order public.form_submissions;
begin
  select f.* into v_order
    from private.order_keys k join public.form_submissions f on f.shop_id = k.shop_id and f.id = k.order_id
    where k.form_id = p_form_id and k.key_hash = p_key_hash and k.order_id = p_order_id
    for no key update of f;
  if not found then
    perform plinth.refuse('unknown_order', 404, 'There is no such order.', p_hint => 'Send the key that the order was placed with.');
  end if;
  return v_order;
end $$;
comment on function private.require_form_order(uuid, uuid, bytea) is 'A customer''s order, locked. Raises unknown_order (PT404), the same for a wrong key.';

-- security definer: as above.
create function private.form_order(p_form_id uuid, p_order_id uuid, p_key_hash bytea) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  return private.show_form_order((private.require_form_order(p_form_id, p_order_id, p_key_hash)).id);
end $$;
comment on function private.form_order(uuid, uuid, bytea) is 'A customer''s order as they may see it.';

-- Payment proofs ---------------------------------------------------------------------------------------------------------

-- security definer: as above.
create function private.admit_payment_proof(p_form_id uuid, p_order_id uuid, p_key_hash bytea) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_order public.form_submissions := private.require_form_order(p_form_id, p_order_id, p_key_hash);
begin
  if v_order.status <> 'Pending' then
    perform plinth.refuse('order_closed', 409, 'The order waits for no payment any more.');
  end if;
  if (select count(*) from public.payment_proofs p where p.shop_id = v_order.shop_id and p.order_id = v_order.id) >= 5 then
    perform plinth.refuse('too_many_proofs', 429, 'An order takes five payment proofs.', p_hint => 'Write to the shop.');
  end if;
  return v_order.shop_id || '/' || v_order.id || '/' || gen_random_uuid();
end $$;
comment on function private.admit_payment_proof(uuid, uuid, bytea) is
  'Where the next payment proof of an order goes in its bucket. Raises unknown_order, order_closed, too_many_proofs.';

-- security definer: as above.
create function private.add_payment_proof(p_form_id uuid, p_order_id uuid, p_key_hash bytea, p_path text, p_content_type text, p_size bigint)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_order public.form_submissions;
begin
  perform private.admit_payment_proof(p_form_id, p_order_id, p_key_hash);
  update public.form_submissions set payment_screenshot_url = p_path, hold_minutes = null where id = p_order_id returning * into v_order;
  insert into public.payment_proofs (shop_id, order_id, path, content_type, size_bytes)
    values (v_order.shop_id, v_order.id, p_path, p_content_type, p_size);
  perform from public.order_stock o
    where o.shop_id = v_order.shop_id and o.order_ref = v_order.submission_id for no key update;
  -- Who may have paid keeps the units until somebody has looked. Units that are gone already are the reviewer's to sort out.
  perform plinth.try_holds('stock', c.claims)
    from (
      select array_agg(row(d.key::uuid, private.hold_key(o.shop_id, o.order_ref), d.value::bigint,
        plinth.now() + s.order_hold_minutes * interval '1 minute', null, null)::plinth.claim order by d.key) as claims
      from public.order_stock o join public.shops s on s.id = o.shop_id cross join lateral jsonb_each_text(o.demand) d
      where o.shop_id = v_order.shop_id and o.order_ref = v_order.submission_id and o.state = 'held' and d.value::bigint > 0
    ) c
    where c.claims is not null;
  return private.show_form_order(v_order.id);
end $$;
comment on function private.add_payment_proof(uuid, uuid, bytea, text, text, bigint) is
  'Puts an uploaded payment proof into the queue to review, and keeps the order''s units for the shop''s time from now.';

-- security definer: proofs are written by SQL alone; the tenant and the role are checked here.
create function public.review_payment_proof(p_proof_id uuid, p_accept boolean, p_note text default null) returns public.payment_proofs
language plpgsql security definer set search_path = '' as $$
declare
  v_proof public.payment_proofs;
  v_status public.order_status;
begin
  select * into v_proof from public.payment_proofs where id = p_proof_id;
  if v_proof.id is null or not (plinth.is_trusted() or v_proof.shop_id = any (private.my_shops())) then
    perform plinth.refuse('unknown_proof', 404, 'There is no such payment proof.');
  end if;
  perform private.require_role(v_proof.shop_id, 'Owner', 'Admin', 'Order Manager');
  -- The order first, as whoever uploads does.
  select f.status into v_status from public.form_submissions f
    where f.shop_id = v_proof.shop_id and f.id = v_proof.order_id for no key update;
  update public.payment_proofs
    set state = case when p_accept then 'accepted'::public.proof_state else 'rejected' end, note = p_note,
      reviewed_by = auth.uid(), reviewed_at = plinth.now()
    where id = p_proof_id and state = 'pending'
    returning * into v_proof;
  if not found then
    perform plinth.refuse('proof_reviewed', 409, 'This payment proof was reviewed already.');
  end if;
  if p_accept and v_status = 'Pending' then
    update public.form_submissions set status = 'Confirmed' where shop_id = v_proof.shop_id and id = v_proof.order_id;
  end if;
  return v_proof;
end $$;
comment on function public.review_payment_proof(uuid, boolean, text) is
  'Accepts a payment proof, which confirms its pending order, or rejects it with a note that the customer sees.';

create function private.refuse_form() returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('unknown_form', 404, 'There is no such form.', p_hint => 'It may have been closed.');
end $$;
comment on function private.refuse_form() is 'Raises unknown_form (PT404).';

revoke all on all functions in schema private from public;
grant execute on function private.form_page(uuid), private.place_form_order(uuid, bytea, jsonb), private.form_order(uuid, uuid, bytea),
  private.admit_payment_proof(uuid, uuid, bytea), private.add_payment_proof(uuid, uuid, bytea, text, text, bigint) to service_role;
revoke all on function public.review_payment_proof(uuid, boolean, text) from public, anon;
grant execute on function public.review_payment_proof(uuid, boolean, text) to authenticated, service_role;
