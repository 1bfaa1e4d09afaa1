-- Who is told by mail, SMS and in the application: businesses of what they owe the platform, super admins of backups that fail.
-- Queued in the transaction of what happened, so a message goes out if and when that is committed. notices/templates.ts has the texts.

-- security definer: messages are queued by SQL alone.
create function private.tell_of_reminder() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_business public.businesses;
  v_variables jsonb;
begin
  select * into v_business from public.businesses where id = new.business_id;
  v_variables := jsonb_build_object('business', v_business.business_name, 'kind', new.kind, 'date', new.due, 'currency', private.platform_currency(),
    'amount', (private.price_of(v_business.plan, 'maintenance', private.local_day(new.business_id))
      - plinth.to_major(v_business.credit_minor, private.platform_currency()))::text);
  perform plinth.queue_messages(coalesce(jsonb_agg(jsonb_build_object('channel', c.channel, 'person', v_business.owner_id, 'address', c.address,
      'template', 'payment-reminder', 'variables', v_variables,
      'dedupe_key', format('payment-reminder/%s/%s/%s/%s', new.business_id, new.due, new.kind, c.channel))), '[]'))
  from (values ('in_app', null), ('email', v_business.email), ('sms', v_business.phone)) c (channel, address)
  where case c.channel when 'sms' then c.address ~ '^\+[1-9][0-9]{6,14}$' when 'email' then c.address is not null or v_business.owner_id is not null
    else v_business.owner_id is not null end;
  return null;
end $$;
comment on function private.tell_of_reminder() is
  'Trigger: a reminder goes to the business''s address and number (international, as +233…) and to its owner in the application, each once.';
create trigger tell after insert on private.payment_reminders for each row execute function private.tell_of_reminder();

-- security definer: as above.
create function private.tell_of_backup() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.queue_messages(jsonb_agg(jsonb_build_object('channel', c.channel, 'person', a.user_id, 'template', replace(new.event_type, '_', '-'),
    'purpose', 'alert', 'variables', jsonb_build_object('business', new.data ->> 'business_name', 'problem', coalesce(new.data ->> 'error', '')),
    'dedupe_key', format('%s/%s/%s/%s', new.event_type, new.data ->> 'backup_id', a.user_id, c.channel))))
  from public.super_admins a cross join (values ('in_app'), ('email')) c (channel)
  where a.is_active
  having count(*) > 0;
  return null;
end $$;
comment on function private.tell_of_backup() is 'Trigger: super admins are told of a backup that failed and of the first that goes well again (R-O4), of no other.';
create trigger tell after insert on public.realtime_events for each row
  when (new.event_type in ('backup_failed', 'backup_recovered') and new.data ? 'backup_id') execute function private.tell_of_backup();

revoke all on function private.tell_of_reminder(), private.tell_of_backup() from public;
