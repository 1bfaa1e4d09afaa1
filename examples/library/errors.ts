import { defineErrors } from '@plinth/platform/kernel'

/** What can go wrong with books and loans. SQL raises the same codes by `plinth.refuse`. */
export const libraryErrors = defineErrors({
  unknown_book: {
    status: 404,
    message: 'There is no such book.',
    hint: 'Check the book’s id and which library it belongs to.',
  },
  unknown_loan: {
    status: 404,
    message: 'There is no such loan.',
    hint: 'It may be somebody else’s.',
  },
  no_copy_left: {
    status: 409,
    message: 'Every copy of this book is lent.',
    hint: 'Ask again when one has come back.',
  },
})
