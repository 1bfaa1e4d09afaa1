/** Where the storm's server answers. */
export interface Served {
  readonly url: string
  readonly anonKey: string
  readonly serviceRoleKey: string
}

/** Clients that sign in again and again, each with an account of its own. */
export const stormers = 50

export const accountOf = (number: number) => ({
  email: `user-${number}@example.test`,
  password: `password ${number}`,
})
