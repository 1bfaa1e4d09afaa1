-- Items that the shop has already and of which the file sells more than was there.
select private.post_movements(array_agg(
  row(r.shop_id, i.id, i.opening, 'Opening balance assumed by an import', null, null, i.first_at - interval '1 second', 'opening')::private.movement
  order by i.first_line))
from import_items i cross join import_run r
where not i.is_new and i.opening > 0 and i.code = any ($1::text[])
