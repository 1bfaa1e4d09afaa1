-- Lending: a copy is given out only while one is there, whoever asks at the same time.

-- Definer: readers may not write loans themselves.
create function public.borrow_book(p_book uuid, p_days integer default 21) returns public.loans
language plpgsql security definer set search_path = '' as $$
declare
  book public.books;
  loan public.loans;
begin
  -- The row is locked: of two who want the last copy, one waits and then sees that it is gone.
  select * into book from public.books where id = p_book for update;
  if not found or private.role_in(book.library_id) is null then
    perform plinth.refuse('unknown_book', 404, 'There is no such book.');
  end if;
  if book.copies <= (select count(*) from public.loans where book_id = book.id and returned_at is null) then
    perform plinth.refuse('no_copy_left', 409, 'Every copy of this book is lent.', jsonb_build_object('book_id', book.id));
  end if;
  insert into public.loans (library_id, book_id, reader_id, reader_email, due_on)
  values (book.library_id, book.id, auth.uid(), auth.jwt() ->> 'email', (plinth.now() at time zone 'UTC')::date + p_days)
  returning * into loan;
  return loan;
end
$$;
comment on function public.borrow_book(uuid, integer) is 'Lends the caller a copy for so many days. Refuses with unknown_book or no_copy_left.';
revoke all on function public.borrow_book(uuid, integer) from public;
grant execute on function public.borrow_book(uuid, integer) to authenticated;

create function private.recount_loans(p_library uuid) returns void language sql set search_path = '' as $$
  delete from private.loan_counts c using public.books b where b.id = c.book_id and b.library_id = p_library;
  insert into private.loan_counts
    select l.book_id, count(*) from public.loans l where l.library_id = p_library group by l.book_id;
$$;
comment on function private.recount_loans(uuid) is 'Derives the counts anew after a rewind: they are in no journal.';
