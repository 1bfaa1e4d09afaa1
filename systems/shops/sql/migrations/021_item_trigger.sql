-- private.prepare_item() costs more than the rest of an update of stock, and a year of orders makes 400,000 of those:
-- for updates it is called only where it has something to refuse or to put right.

drop trigger prepare_item on public.items;
create trigger prepare_item before insert on public.items for each row execute function private.prepare_item();
create trigger prepare_item_change before update on public.items for each row
  when ((new.id, new.shop_id, new.item_type) is distinct from (old.id, old.shop_id, old.item_type)
    or (new.stock is null) <> (new.item_type = 'service'))
  execute function private.prepare_item();
