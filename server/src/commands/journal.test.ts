import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addJournalCommand } from './journal.ts'

test.each(['0', '-1', '1.5', 'all', '9999999999'])(
  'journal show refuses to show %s changes',
  async (limit) => {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined })
    addJournalCommand(program)
    for (const command of program.commands[0]!.commands) {
      command.exitOverride().configureOutput({ writeErr: () => undefined })
    }
    const asked = program.parseAsync(['journal', 'show', 'shops', `--limit=${limit}`], { from: 'user' })
    await expect(asked).rejects.toMatchObject({ code: 'commander.invalidArgument' })
  },
)
