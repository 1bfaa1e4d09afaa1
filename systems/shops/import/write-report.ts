import { open } from 'node:fs/promises'
import { messageOf } from '@plinth/platform/kernel'
import { importErrors } from './errors.ts'
import { type Finding, type FindingCode, findingSeverities } from './findings.ts'
import type { ImportSession } from './open-session.ts'

/** Where findings go: a path that gets one JSON object per line, or a function. */
export type ReportTarget = string | ((finding: Finding) => void | Promise<void>)

export interface ReportSummary {
  /** How many findings of each code. */
  readonly counts: Readonly<Partial<Record<FindingCode, number>>>
  /** The first of them, by line. */
  readonly first: readonly Finding[]
}

const pageSize = 1_000
const firstFindings = 20

/** Takes findings, a page at a time. */
export interface ReportWriter {
  write(findings: readonly Finding[]): Promise<void>
  close(): Promise<void>
}

/** Opens the target before anything is imported. Fails with `import_report_unwritable`, as its writes do. */
export async function openReport(target: ReportTarget): Promise<ReportWriter> {
  if (typeof target === 'function') {
    return {
      write: async (findings) => {
        for (const finding of findings) await target(finding)
      },
      close: async () => undefined,
    }
  }
  const unwritable = (error: unknown) => {
    throw importErrors.import_report_unwritable({ report: target, problem: messageOf(error) }, error)
  }
  const file = await open(target, 'w').catch(unwritable)
  return {
    write: (findings) =>
      file.appendFile(findings.map((finding) => `${JSON.stringify(finding)}\n`).join('')).catch(unwritable),
    close: () => file.close(),
  }
}

/** Hands the session's findings over in the order of their lines, a page at a time. */
export async function writeReport(session: ImportSession, writer?: ReportWriter): Promise<ReportSummary> {
  const counts = await countFindings(session)
  const first: Finding[] = []
  for await (const page of readFindings(session)) {
    first.push(...page.slice(0, firstFindings - first.length))
    if (!writer) break
    await writer.write(page)
  }
  return { counts, first }
}

async function countFindings(session: ImportSession): Promise<ReportSummary['counts']> {
  const { rows } = await session.query<{ code: FindingCode; count: number }>(
    'select code, count(*)::integer as count from import_findings group by code order by code',
  )
  return Object.fromEntries(rows.map(({ code, count }) => [code, count]))
}

async function* readFindings(session: ImportSession): AsyncGenerator<readonly Finding[]> {
  await session.query('begin read only')
  try {
    await session.query(
      `declare findings no scroll cursor for
       select line::float8 as line, code, detail as text from import_findings order by line, code, detail`,
    )
    for (;;) {
      const { rows } = await session.query<{ line: number; code: FindingCode; text: string }>(
        `fetch ${pageSize} from findings`,
      )
      yield rows.map(({ line, code, text }) => ({ line, severity: findingSeverities[code], code, text }))
      if (rows.length < pageSize) return
    }
  } finally {
    await session.query('rollback')
  }
}
