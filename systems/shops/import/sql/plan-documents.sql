-- Decides what becomes of each document of the file, and puts the new ones into batches.
drop table if exists import_documents;
create temp table import_documents as
with stated as (
  select document, min(line) as first_line, count(*) as lines, bool_or(code is null) as broken,
    coalesce(min(kind) filter (where kind <> 'adjustment'), 'adjustment') as kind,
    min(at) as at, max(at) as last_at, max(customer) as customer, max(country) as country,
    sum(quantity * unit_price) as amount, min(line) filter (where facts is not null) as facts_line
  from import_lines
  where document is not null
  group by document
),
judged as (
  select s.*, f.facts, gen_random_uuid() as id,
    case
      when s.broken then 'order_incomplete'
      when s.lines > 4999 then 'order_too_long'
      when coalesce(f.facts ->> 'currency', r.currency) <> r.currency then 'mixed_currency'
      when o.id is null and taken.order_ref is not null then 'order_differs'
      when o.id is null then null
      when there.lines = s.lines and there.amount = s.amount then 'already_there'
      else 'order_differs'
    end as verdict,
    case s.kind when 'adjustment' then 'Cancelled' else coalesce(f.facts ->> 'status', 'Completed') end::public.order_status as status
  from stated s
  cross join import_run r
  left join import_lines f on f.line = s.facts_line
  left join public.form_submissions o on o.shop_id = r.shop_id and o.submission_id = s.document
  left join public.order_stock taken on taken.shop_id = r.shop_id and taken.order_ref = s.document
  left join lateral (
    select count(*) as lines, sum(l.amount) as amount
    from public.order_lines l where l.shop_id = r.shop_id and l.order_id = o.id
  ) there on o.id is not null
)
select judged.*, row_number() over (order by at, first_line) as no, null::integer as batch, '[]'::jsonb as cancels
from judged;
create unique index on import_documents (document);
create unique index on import_documents (no);
analyze import_documents;
