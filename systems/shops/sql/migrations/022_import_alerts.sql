-- An alert is news of the present. While an import replays a year, stock crosses its threshold thousands of times:
-- no alert is raised or resolved for that; the import settles alerts once, by what is on the shelf at its end.

alter function private.follow_alerts(private.stock_change[]) rename to settle_alerts;

create function private.follow_alerts(p_changes private.stock_change[]) returns void language plpgsql set search_path = '' as $$
begin
  if private.importing() is not true then
    perform private.settle_alerts(p_changes);
  end if;
end $$;
comment on function private.follow_alerts(private.stock_change[]) is
  'Raises an alert where stock crossed its threshold, and resolves those whose stock is back; not while an import runs.';
revoke all on function private.follow_alerts(private.stock_change[]) from public;
