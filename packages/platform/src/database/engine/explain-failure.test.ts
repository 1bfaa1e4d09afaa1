import { describe, expect, test } from 'vitest'
import { explainFailure, explainFileError } from './explain-failure.ts'

const circumstances = { folder: '/data', port: 20_000 }

describe('what PostgreSQL says and what it means', () => {
  const cases = [
    ['FATAL:  could not write lock file "postmaster.pid": No space left on device', 'disk_full'],
    [
      'ERROR:  could not extend file "base/1/2": wrote only 4096 of 8192 bytes\nHINT:  Check free disk space.',
      'disk_full',
    ],
    ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', 'postgres_port_in_use'],
    ['FATAL:  incorrect checksum in control file', 'data_folder_corrupt'],
    ['PANIC:  could not locate a valid checkpoint record at 0/15F', 'data_folder_corrupt'],
    ['FATAL:  database files are incompatible with server', 'data_folder_corrupt'],
    ['FATAL:  data directory "/data/postgres" has wrong ownership', 'data_folder_unwritable'],
    ['FATAL:  could not open file "x": Permission denied', 'data_folder_unwritable'],
    ['FATAL:  something that nobody foresaw', 'postgres_not_started'],
  ] as const
  test.each(cases)('%s: %s', (said, code) => {
    expect(explainFailure(said.split('\n'), circumstances, 'it ended with code 1').code).toBe(code)
  })

  test('who says nothing is described by how it ended', () => {
    expect(explainFailure([''], circumstances, 'it was ended by SIGKILL').message).toBe(
      'PostgreSQL did not start: it was ended by SIGKILL.',
    )
  })
})

describe('what the file system refuses', () => {
  test.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EROFS', 'data_folder_unwritable'],
    ['EACCES', 'data_folder_unwritable'],
  ])('%s: %s', (code, expected) => {
    expect(explainFileError(Object.assign(new Error(code), { code }), '/data')).toMatchObject({
      code: expected,
    })
  })

  test('anything else stays what it was', () => {
    const error = new Error('unforeseen')
    expect(explainFileError(error, '/data')).toBe(error)
  })
})
