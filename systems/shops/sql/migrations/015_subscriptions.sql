-- Subscriptions that shops pay through the platform's payments, and the data extension. What is paid and when a period ends
-- is kept there (docs/payments.md); here a shop's columns follow it.

alter table public.shops add column subscription_id uuid;
comment on column public.shops.subscription_id is 'Of the platform''s payments; null for a shop that never subscribed: then its trial and period end by the clock alone.';
alter table public.plans add column needs_approval boolean not null default false;
comment on column public.plans.needs_approval is 'Whether an administrator of the platform lets each subscription of the plan in.';

-- security definer: nobody but the platform writes these columns. Called by a hook of payments, as the owner.
create function private.follow_subscription(p_shop_id uuid, p_subscription_id uuid, p_plan text, p_status text, p_unit text,
  p_period_ends_at timestamptz, p_trial boolean)
returns void language plpgsql security definer set search_path = '' as $$
begin
  update public.shops
    set subscription_id = p_subscription_id, subscription_plan = p_plan::public.subscription_plan,
      billing_interval = case p_unit when 'year' then 'year' else 'month' end::public.billing_interval,
      subscription_status = case
        when p_status in ('active', 'past_due') then 'active'
        -- A plan that nobody paid ends; the shop's own trial goes on.
        when p_status in ('cancelled', 'expired') and subscription_status = 'trialing' and trial_ends_at > plinth.now() then 'trialing'
        when p_status in ('cancelled', 'expired') then 'expired'
        else p_status end::public.subscription_status,
      trial_ends_at = case when p_trial then p_period_ends_at else trial_ends_at end,
      period_ends_at = case when p_trial then period_ends_at else p_period_ends_at end
    where id = p_shop_id and case
      -- What nobody has paid yet changes nothing, and neither does the end of a subscription that another one has followed.
      when p_status = 'incomplete' then false
      when p_status in ('cancelled', 'expired') then subscription_id = p_subscription_id
      else true end;
end $$;
comment on function private.follow_subscription(uuid, uuid, text, text, text, timestamptz, boolean) is
  'Brings a shop in line with its subscription. What is overdue is still enjoyed, for as long as payments says.';

-- The data extension ---------------------------------------------------------------------------------------------------------

create table private.data_extension_transitions (
  from_status public.data_extension_status not null,
  to_status public.data_extension_status not null,
  primary key (from_status, to_status)
);
comment on table private.data_extension_transitions is 'Which state of the data extension follows which.';
insert into private.data_extension_transitions (from_status, to_status) values
  ('none', 'requested'), ('rejected', 'requested'), ('expired', 'requested'),
  ('requested', 'pending_payment'), ('requested', 'active'), ('requested', 'rejected'),
  ('pending_payment', 'active'), ('pending_payment', 'pending_approval'), ('pending_payment', 'rejected'),
  ('pending_approval', 'active'), ('pending_approval', 'rejected'),
  ('active', 'expired');
alter table private.data_extension_transitions enable row level security;

create function private.move_data_extension(p_shop_id uuid, p_to public.data_extension_status, p_ends_at timestamptz default null)
returns public.data_extension_status language plpgsql set search_path = '' as $$
declare
  v_from public.data_extension_status;
begin
  select data_extension_status into v_from from public.shops where id = p_shop_id for no key update;
  if not exists (select from private.data_extension_transitions where from_status = v_from and to_status = p_to) then
    perform plinth.refuse('invalid_data_extension', 409, format('The data extension is %s and cannot become %s.', v_from, p_to),
      jsonb_build_object('from', v_from, 'to', p_to), 'docs/shops.md has the table of states.');
  end if;
  update public.shops set data_extension_status = p_to, data_extension_ends_at = p_ends_at where id = p_shop_id;
  return p_to;
end $$;
comment on function private.move_data_extension(uuid, public.data_extension_status, timestamptz) is 'Raises invalid_data_extension (PT409).';

-- security definer: nobody but the platform writes these columns; the role is checked here.
create function public.request_data_extension(p_shop_id uuid) returns public.data_extension_status
language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner');
  return private.move_data_extension(p_shop_id, 'requested');
end $$;
comment on function public.request_data_extension(uuid) is 'An owner asks for the data extension.';

-- security definer: as above.
create function public.review_data_extension(p_shop_id uuid, p_accept boolean) returns public.data_extension_status
language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_platform_admin();
  if not exists (select from public.shops where id = p_shop_id) then
    perform plinth.refuse('unknown_shop', 404, 'There is no such shop.');
  end if;
  if not p_accept then
    return private.move_data_extension(p_shop_id, 'rejected');
  elsif (select price_minor from private.data_extension) > 0 and (select data_extension_status from public.shops where id = p_shop_id) = 'requested' then
    return private.move_data_extension(p_shop_id, 'pending_payment');
  end if;
  return private.move_data_extension(p_shop_id, 'active', plinth.now() + interval '1 year');
end $$;
comment on function public.review_data_extension(uuid, boolean) is
  'An administrator of the platform rejects a request, or lets it in: to be paid where the extension has a price, else at once for a year.';

-- security definer: as above. Called by a hook of payments, as the owner.
create function private.pay_data_extension(p_shop_id uuid) returns void language plpgsql security definer set search_path = '' as $$
begin
  perform from public.shops where id = p_shop_id for no key update;
  if (select data_extension_status from public.shops where id = p_shop_id) = 'pending_payment' then
    perform private.move_data_extension(p_shop_id, 'active', plinth.now() + interval '1 year');
  end if;
end $$;
comment on function private.pay_data_extension(uuid) is 'The data extension was paid: it is active for a year.';

-- security definer: for the service role.
create function private.price_of_data_extension(p_shop_id uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('amount', d.price_minor, 'currency', (select min(currency) from public.plans),
    'reference', s.id || ' ' || (select count(*) from public.subscription_changes c where c.shop_id = s.id and c.data_extension_status = 'active'))
  from public.shops s cross join private.data_extension d
  where s.id = p_shop_id and s.data_extension_status = 'pending_payment'
$$;
comment on function private.price_of_data_extension(uuid) is 'What is to be paid for it, null where nothing is; the reference is one for each time that it was asked for.';

revoke all on all functions in schema private from public;
grant execute on function private.price_of_data_extension(uuid) to service_role;
revoke all on function public.request_data_extension(uuid), public.review_data_extension(uuid, boolean) from public, anon;
grant execute on function public.request_data_extension(uuid), public.review_data_extension(uuid, boolean) to authenticated, service_role;
