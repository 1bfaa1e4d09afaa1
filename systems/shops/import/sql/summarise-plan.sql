select jsonb_build_object(
  'orders', jsonb_build_object('added', count(*) filter (where verdict is null),
    'alreadyThere', count(*) filter (where verdict = 'already_there'),
    'refused', count(*) filter (where verdict <> 'already_there')),
  'orderLines', jsonb_build_object('added', coalesce(sum(lines) filter (where verdict is null), 0),
    'alreadyThere', coalesce(sum(lines) filter (where verdict = 'already_there'), 0),
    'refused', coalesce(sum(lines) filter (where verdict <> 'already_there'), 0)
      + (select count(*) from import_lines where document is null)),
  'items', (select jsonb_build_object('added', count(*) filter (where is_new), 'alreadyThere', count(*) filter (where not is_new))
    from import_items),
  'movements', (select count(*) from import_movements),
  'amount', coalesce(sum(amount) filter (where verdict is null), 0)::text) as plan
from import_documents
