import { openOwnerSession } from '@plinth/platform/database'
import type { ImportDeclaration } from '@plinth/platform/system'
import type { DecimalSign } from '@plinth/platform/tabular'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { serverErrors } from '../errors.ts'
import { systems } from '../systems.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import { untilAskedToStop } from '../terminal/until-asked-to-stop.ts'

interface ImportOptions {
  readonly zone: string
  readonly map: Readonly<Record<string, string>>
  readonly decimal: DecimalSign
  readonly format?: string
  readonly report?: string
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly [tenantOption: string]: unknown
}

/** One command for each import that a system declares. */
export function addImportCommand(program: Command): void {
  const importing = program.command('import').description('take in rows from files of other systems')
  for (const { name, imports = [] } of systems) {
    if (imports.length === 0) continue
    const ofSystem = importing.command(name).description(`into ${name}`)
    for (const declaration of imports) addImport(ofSystem, name, declaration)
  }
}

function addImport(parent: Command, system: string, declaration: ImportDeclaration): void {
  parent
    .command(declaration.name)
    .description(declaration.summary)
    .argument('<file>', 'CSV, also compressed with gzip, or a workbook (XLSX)')
    .requiredOption(`--${declaration.tenantOption} <id>`, `the ${declaration.tenantOption} that they are for`)
    .option('--zone <zone>', 'IANA zone of times that carry none', 'UTC')
    .addOption(new Option('--format <name>', 'default: by the header').choices([...declaration.formats]))
    .option(
      '--map <theirs=ours>',
      'read a column of the file under another name; may be repeated',
      addName,
      {},
    )
    .addOption(
      new Option(
        '--decimal <sign>',
        'what separates decimals; either: a comma only where it cannot separate thousands',
      )
        .choices(['point', 'comma', 'either'])
        .default('either'),
    )
    .option('--report <path>', 'write one JSON object for each odd line to this file')
    .option('--dry-run', 'read and check everything, and write nothing')
    .option('--json', 'print the result as JSON')
    .action((file: string, options: ImportOptions) => run(system, declaration, file, options))
}

async function run(
  system: string,
  declaration: ImportDeclaration,
  file: string,
  options: ImportOptions,
): Promise<void> {
  const asked = new AbortController()
  void untilAskedToStop().then(() => asked.abort())
  const bar = createProgressBar(declaration.name)
  const importing = onProject(system, ({ database }) =>
    declaration.run({
      openSession: () => openOwnerSession({ addresses: database.addresses, via: 'import' }),
      file,
      tenant: String(options[declaration.tenantOption]),
      zone: options.zone,
      format: options.format,
      columns: options.map,
      decimalSign: options.decimal,
      dryRun: options.dryRun ?? false,
      report: options.report,
      onProgress: bar.show,
      signal: asked.signal,
    }),
  ).finally(bar.stop)
  const result = await importing.catch((error: unknown) => {
    throw asked.signal.aborted ? serverErrors.import_interrupted(undefined, error) : error
  })
  process.stdout.write(`${options.json ? JSON.stringify(result, null, 2) : describe(result)}\n`)
  if (result.lines > 0 && result.refusedLines >= result.lines) throw serverErrors.import_all_refused()
}

/** `Rechnung=InvoiceNo`: our names have no equals sign, theirs may. */
function addName(given: string, names: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = given.lastIndexOf('=')
  const [theirs, ours] = [given.slice(0, Math.max(at, 0)).trim(), given.slice(at + 1).trim()]
  if (theirs === '' || ours === '')
    throw new InvalidArgumentError('Write it as --map "their column=our column".')
  return Object.fromEntries([...Object.entries(names), [theirs, ours]])
}

/** `orders: 12 added, 3 already there`, one figure or group of figures a line, the names as in JSON. */
function describe(result: object): string {
  return Object.entries(result)
    .map(([name, value]) => `${inWords(name)}:${describeValue(value)}`)
    .join('\n')
}

function describeValue(value: unknown): string {
  if (Array.isArray(value))
    return value.map((entry) => `\n  ${Object.values(entry).join(' ')}`).join('') || ' none'
  if (typeof value === 'object' && value !== null) {
    const figures = Object.entries(value).map(([name, figure]) => `${figure} ${inWords(name)}`)
    return ` ${figures.join(', ') || 'none'}`
  }
  if (typeof value === 'boolean') return value ? ' yes' : ' no'
  return ` ${typeof value === 'number' ? Math.round(value * 10) / 10 : value}`
}

/** `alreadyThere` as `already there`; codes, which have underscores, as they are. */
const inWords = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
