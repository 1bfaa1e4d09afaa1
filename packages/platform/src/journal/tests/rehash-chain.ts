/** SQL that computes a tenant's chain anew from end to end, as somebody would who has altered one of its entries. */
export const rehashChain = (tenant: string): string => `
  do $$
  declare e plinth_journal.entries; v_hash bytea; v_sent bytea; f bytea;
  begin
    v_hash := coalesce((select hash from plinth_journal.anchors where tenant = '${tenant}'), decode(repeat('00', 32), 'hex'));
    for e in select * from plinth_journal.entries where tenant = '${tenant}' order by sequence loop
      v_sent := '';
      foreach f in array array[textsend(e.tenant), int8send(e.sequence), date_send(e.day), pg_lsn_send(e.position),
        timestamptz_send(e.committed_at), json_send(e.actor), textsend(e.relation), textsend(e.key),
        textsend(e.operation), json_send(e.before), json_send(e.after), byteasend(v_hash)] loop
        v_sent := v_sent || coalesce(int4send(length(f)) || f, int4send(-1));
      end loop;
      update plinth_journal.entries set previous_hash = v_hash, hash = sha256(v_sent)
        where tenant = e.tenant and sequence = e.sequence;
      v_hash := sha256(v_sent);
    end loop;
  end $$`
