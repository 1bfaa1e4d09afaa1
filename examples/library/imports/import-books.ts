import type { ImportDeclaration, ImportOutcome, ImportRun } from '@plinth/platform/system'
import { openSource, readHeader, readRecords } from '@plinth/platform/tabular'

interface Book {
  readonly library_id: string
  readonly title: string
  readonly author: string
  readonly copies: number
}

/** Books from a CSV file with the columns title, author and copies. Those that are there already stay as they are. */
export const importBooks: ImportDeclaration = {
  name: 'books',
  summary: 'The shelf, from a file with title, author and copies.',
  tenantOption: 'library',
  formats: ['csv'],
  run: async (run): Promise<ImportOutcome & { readonly added: number }> => {
    const figures = { lines: 0, refusedLines: 0 }
    const books: Book[] = []
    for await (const book of readBooks(run)) {
      figures.lines += 1
      if (book) books.push(book)
      else figures.refusedLines += 1
    }
    return { ...figures, added: run.dryRun ? 0 : await addBooks(run, books) }
  },
}

/** Each line's book, or null where there is none in it. */
async function* readBooks({ file, tenant, columns, signal }: ImportRun): AsyncGenerator<Book | null> {
  const source = await openSource(file)
  let places: ReadonlyMap<string, number> | undefined
  for await (const { fields } of readRecords(source, signal)) {
    if (!places) {
      places = readHeader(fields, source.name, columns).places
      continue
    }
    const field = (name: string) => fields[places!.get(name) ?? -1]?.trim() ?? ''
    const copies = Number(field('copies') || 1)
    const isBook = field('title') !== '' && Number.isInteger(copies) && copies >= 0 && copies <= 10_000
    yield isBook ? { library_id: tenant, title: field('title'), author: field('author'), copies } : null
  }
}

async function addBooks({ openSession, file }: ImportRun, books: readonly Book[]): Promise<number> {
  const session = await openSession()
  try {
    return await session.transaction({ reason: `books of ${file}` }, async () => {
      const { rowCount } = await session.query(
        `insert into public.books (library_id, title, author, copies)
         select library_id, title, author, copies
         from jsonb_to_recordset($1) b(library_id uuid, title text, author text, copies int) on conflict do nothing`,
        [JSON.stringify(books)],
      )
      return rowCount ?? 0
    })
  } finally {
    await session.close()
  }
}
