/** A reason not to start that a person can understand: shown as one line, without a stack. */
export class Refusal extends Error {}
