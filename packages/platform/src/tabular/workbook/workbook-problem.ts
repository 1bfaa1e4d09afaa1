/** Why a workbook cannot be read, as a phrase that goes on after its name: `has no sheet`. */
export class WorkbookProblem extends Error {
  constructor(problem: string, cause?: unknown) {
    super(problem, { cause })
  }
}
