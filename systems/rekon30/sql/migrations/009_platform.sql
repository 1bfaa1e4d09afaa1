-- What functions of the platform's own need: events from outside, keys that ask what they may do, derived columns.

-- security definer: realtime_events is written by functions alone.
create function public.emit_event(p_type text, p_business_id uuid, p_data jsonb default '{}') returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_event public.realtime_events;
begin
  if not (plinth.is_trusted() or private.is_super_admin()) then
    perform plinth.refuse('super_admin_required', 403, 'Only a super admin may do this.');
  elsif p_business_id is not null and private.status_of(p_business_id) is null then
    perform plinth.refuse('unknown_business', 404, 'There is no such business.', p_hint => 'Check the business''s id.');
  end if;
  insert into public.realtime_events (event_type, business_id, data) values (p_type, p_business_id, p_data) returning * into v_event;
  return jsonb_build_object('event_id', v_event.id, 'event_type', v_event.event_type, 'created_at', v_event.created_at);
end $$;
comment on function public.emit_event(text, uuid, jsonb) is 'Notes an event of a super admin or of the service, and broadcasts it (R-F7).';

create function private.describe_key(p_key_id uuid, p_permission text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'valid', true, 'key_name', k.key_name, 'business_id', k.business_id, 'permissions', k.permissions,
    'allowed', case when p_permission is not null then k.permissions ?| array[p_permission, '*'] end,
    'rate_limit', k.rate_limit, 'expires_at', k.expires_at,
    'calls_this_hour', (select count(*) from public.api_usage_logs l
      where l.api_key_id = k.id and l.created_at >= date_trunc('hour', plinth.now())))
  from public.api_keys k where k.id = p_key_id
$$;
comment on function private.describe_key(uuid, text) is 'What an API key may do and how much it did.';

create function private.derive_business(p_business_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select from public.businesses where id = p_business_id) then
    return;
  end if;
  update public.products p set stock = m.stock
    from (select i.id, coalesce(sum(s.change), 0) as stock from public.products i
      left join public.stock_movements s on s.product_id = i.id where i.business_id = p_business_id group by i.id) m
    where p.id = m.id and p.stock <> m.stock;
  insert into private.business_counters (business_id, last_sale)
    select p_business_id, coalesce(max(sale_number), 0) from public.sales where business_id = p_business_id
    on conflict (business_id) do update set last_sale = greatest(private.business_counters.last_sale, excluded.last_sale);
  perform private.derive_billing(p_business_id);
end $$;
comment on function private.derive_business(uuid) is
  'Computes what follows from facts: stock from its movements, the next sale''s number, and what is paid from payment_records. '
  'Called after a rewind and after a restore.';

revoke all on function public.emit_event(text, uuid, jsonb), private.describe_key(uuid, text), private.derive_business(uuid),
  private.note_event(text, uuid, jsonb), private.announce_event(), private.note_business() from public;
grant execute on function public.emit_event(text, uuid, jsonb) to authenticated, service_role;
grant usage on schema private to service_role;
grant execute on function private.describe_key(uuid, text) to service_role;
