-- What an item costs now, and variants of a product.

create function private.price_at(p_retail numeric, p_promo numeric, p_start timestamptz, p_end timestamptz, p_at timestamptz)
returns numeric language sql immutable
return case when p_promo is not null and p_at >= coalesce(p_start, '-infinity') and p_at < coalesce(p_end, 'infinity')
  then p_promo else p_retail end;
comment on function private.price_at(numeric, numeric, timestamptz, timestamptz, timestamptz) is
  'The promotional price within its window, which has its beginning and not its end, else the retail price.';

create function public.current_price(p_item public.items) returns numeric language sql stable set search_path = '' as $$
  select private.price_at(p_item.retail_price, p_item.promo_price, p_item.promo_start_date, p_item.promo_end_date, plinth.now())
$$;
comment on function public.current_price(public.items) is
  'What an item costs at this moment, major units: a computed column, ?select=*,current_price.';

-- Variants -----------------------------------------------------------------------------------------------------------

-- security definer: reads the parent, whatever rows the caller may see.
create function private.check_variant() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_parent public.items;
begin
  new.has_variants := tg_op = 'UPDATE' and exists (select from public.items where shop_id = new.shop_id and parent_id = new.id);
  if new.parent_id is null then
    return new;
  end if;
  -- Locked: nobody makes it a variant meanwhile. An id of another shop is refused by the reference.
  select * into v_parent from public.items where shop_id = new.shop_id and id = new.parent_id for no key update;
  if new.has_variants or v_parent.parent_id is not null or v_parent.item_type <> new.item_type then
    perform plinth.refuse('invalid_variant', 422, 'A variant is of a product or service of its own kind that is no variant itself.',
      jsonb_build_object('item_id', new.id), 'Make all variants variants of the same item.');
  end if;
  return new;
end $$;
comment on function private.check_variant() is 'Trigger: variants have one level, and has_variants is true of whatever has any.';

-- security definer: writes has_variants of the parent.
create function private.follow_variants() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_parents uuid[] := array_remove(array[case when tg_op <> 'INSERT' then old.parent_id end,
    case when tg_op <> 'DELETE' then new.parent_id end], null);
begin
  perform from public.items where id = any (v_parents) order by id for no key update;
  update public.items p set has_variants = not p.has_variants
    where p.id = any (v_parents)
      and p.has_variants <> exists (select from public.items v where v.shop_id = p.shop_id and v.parent_id = p.id);
  return null;
end $$;
comment on function private.follow_variants() is 'Trigger: a parent knows whether it has variants.';

create trigger check_variant before insert on public.items for each row
  when (new.parent_id is not null or new.has_variants) execute function private.check_variant();
create trigger check_variant_change before update of parent_id, has_variants on public.items for each row
  when ((new.parent_id, new.has_variants, new.item_type) is distinct from (old.parent_id, old.has_variants, old.item_type))
  execute function private.check_variant();
create trigger follow_variants after insert on public.items for each row
  when (new.parent_id is not null) execute function private.follow_variants();
create trigger follow_variants_change after update of parent_id on public.items for each row
  when (old.parent_id is distinct from new.parent_id) execute function private.follow_variants();
create trigger follow_variants_end after delete on public.items for each row
  when (old.parent_id is not null) execute function private.follow_variants();

revoke all on all functions in schema private from public;
revoke all on function public.current_price(public.items) from public, anon;
grant execute on function public.current_price(public.items) to authenticated, service_role;
grant execute on function private.price_at(numeric, numeric, timestamptz, timestamptz, timestamptz) to authenticated, service_role;
