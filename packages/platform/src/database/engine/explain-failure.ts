import { type AppError, messageOf } from '../../kernel/index.ts'
import { engineErrors } from './errors.ts'

interface Circumstances {
  readonly folder: string
  readonly port?: number
}

type Explanation = readonly [RegExp, (circumstances: Circumstances, reason: string) => AppError]

/** What PostgreSQL says (always in English, `lc_messages` is fixed) and what it means for whoever starts Plinth. */
const explanations: readonly Explanation[] = [
  [
    /No space left on device|Disk quota exceeded|Check free disk space/,
    ({ folder }) => engineErrors.disk_full({ folder }),
  ],
  [/could not bind IPv4|Address already in use/, ({ port }) => engineErrors.postgres_port_in_use({ port })],
  [
    /checksum in control file|valid checkpoint record|invalid checkpoint|pg_control|database files are incompatible|could not open directory|could not find redo/,
    ({ folder }, reason) => engineErrors.data_folder_corrupt({ folder, reason }),
  ],
  [
    /Permission denied|Read-only file system|wrong ownership/,
    ({ folder }, reason) => engineErrors.data_folder_unwritable({ folder, reason }),
  ],
]

const shownLines = 5

/** The error that the last lines of a PostgreSQL program amount to. */
export function explainFailure(
  lines: readonly string[],
  circumstances: Circumstances,
  how: string,
): AppError {
  const said = lines.filter((line) => line.trim() !== '')
  const reason = said.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? how
  const text = said.join('\n')
  const explanation = explanations.find(([pattern]) => pattern.test(text))
  const clear = reason.replace(/^.*?(FATAL|PANIC|error):\s*/, '')
  return explanation
    ? explanation[1](circumstances, clear)
    : engineErrors.postgres_not_started({
        reason: clear,
        log: said
          .slice(-shownLines)
          .map((line) => `\n  ${line}`)
          .join(''),
      })
}

/** What the file system's refusal amounts to; anything else stays as it is. */
export function explainFileError(error: unknown, folder: string): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') return engineErrors.disk_full({ folder }, error)
  if (code && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code)) {
    return engineErrors.data_folder_unwritable({ folder, reason: messageOf(error) }, error)
  }
  return error
}
