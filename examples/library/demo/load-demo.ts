import type { Demo } from '@plinth/platform/system'

const demoLibraryId = 'de300000-0000-4000-8000-0000000000b0'

const reader = { email: 'reader@demo.example', password: 'demo-reader-2026' }

/** One library with a shelf and a reader. Loading it again changes nothing. */
export const loadDemo: Demo = async ({ openSession, createUser, url }) => {
  const readerId = await createUser(reader.email, reader.password)
  const session = await openSession()
  try {
    await session.transaction({ reason: 'demonstration' }, async () => {
      await session.query(
        `insert into public.libraries (id, name) values ($1, 'Demo library') on conflict do nothing`,
        [demoLibraryId],
      )
      await session.query(
        `insert into public.members (library_id, user_id, role) values ($1, $2, 'reader') on conflict do nothing`,
        [demoLibraryId, readerId],
      )
      await session.query(
        `insert into public.books (library_id, title, author, copies)
         select $1, title, author, 2 from (values ('Middlemarch', 'George Eliot'), ('Emma', 'Jane Austen')) b(title, author)
         on conflict do nothing`,
        [demoLibraryId],
      )
    })
  } finally {
    await session.close()
  }
  return { tryNext: [`curl '${url}/functions/v1/popular-books?libraryId=${demoLibraryId}'`] }
}
