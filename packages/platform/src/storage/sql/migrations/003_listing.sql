-- What is in a folder, in the order of the names' bytes.

create function plinth.list_objects(
  p_bucket text,
  p_prefix text,
  p_delimited boolean,
  p_descending boolean,
  p_after text,
  p_search text,
  p_offset integer,
  p_limit integer
) returns table (
  entry text, id uuid, created_at timestamptz, updated_at timestamptz, last_accessed_at timestamptz, metadata jsonb, version text
) language plpgsql stable set search_path = ''
as $$
declare
  -- Above every name with the prefix: no character comes after it.
  v_last constant text := chr(1114111);
  v_from text := p_prefix;
  v_to text := p_prefix || v_last;
  v_start constant integer := length(p_prefix) + 1;
  v_pattern constant text := replace(replace(replace(lower(p_search), '\', '\\'), '%', '\%'), '_', '\_') || '%';
  v_query constant text := format(
    'select o.name, o.id, o.created_at, o.updated_at, o.last_accessed_at, o.metadata, o.version from storage.objects o
     where o.bucket_id = $1 and o.name >= $2 and o.name < $3 order by o.name %s', case when p_descending then 'desc' else 'asc' end);
  v_row record;
  v_slash integer;
  v_folder text;
  v_inside integer := 0;
  v_found integer := 0;
  v_again boolean := true;
begin
  if p_after is not null then
    if p_descending then v_to := p_after;
    else v_from := greatest(p_prefix collate "C", p_after || case when right(p_after, 1) = '/' then v_last else chr(1) end);
    end if;
  end if;
  while v_again loop
    v_again := false;
    for v_row in execute v_query using p_bucket, v_from, v_to loop
      v_slash := case when p_delimited then strpos(substr(v_row.name, v_start), '/') else 0 end;
      if v_slash > 0 then
        entry := left(v_row.name, v_start + v_slash - 1);
        if entry is not distinct from v_folder then
          -- A short folder is read to its end; past a long one the index is searched again.
          v_inside := v_inside + 1;
          if v_inside = 100 then
            v_inside := 0;
            v_again := true;
            if p_descending then v_to := v_folder; else v_from := v_folder || v_last; end if;
            exit;
          end if;
          continue;
        end if;
        v_folder := entry;
        v_inside := 0;
        id := null; created_at := null; updated_at := null; last_accessed_at := null; metadata := null; version := null;
      else
        entry := v_row.name;
        id := v_row.id; created_at := v_row.created_at; updated_at := v_row.updated_at;
        last_accessed_at := v_row.last_accessed_at; metadata := v_row.metadata; version := v_row.version;
      end if;
      if p_search <> '' and lower(substr(entry, v_start)) not like v_pattern then
        continue;
      end if;
      v_found := v_found + 1;
      if v_found > p_offset then
        return next;
        if v_found >= p_offset + p_limit then
          return;
        end if;
      end if;
    end loop;
  end loop;
end $$;
comment on function plinth.list_objects(text, text, boolean, boolean, text, text, integer, integer) is
  'Objects that the caller may see whose names begin with the prefix, in the order of their names. Delimited: what lies below a further slash is one entry that ends with the slash and has no id. Long folders are skipped, not read.';
grant execute on function plinth.list_objects(text, text, boolean, boolean, text, text, integer, integer)
  to anon, authenticated, service_role;
