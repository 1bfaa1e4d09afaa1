/** The direction of imports, checked: server → systems → platform, capabilities through their face, no circles. */
const capabilities =
  'rest|auth|storage|realtime|functions|routes|jobs|journal|rewind|webhooks|notifications|payments|holds|keys|kv|flags|backups|media|health'
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'kernel-stands-alone',
      severity: 'error',
      from: { path: '^packages/platform/src/kernel/' },
      to: { path: '^(packages/platform/src/(?!kernel/)|systems|server)' },
    },
    {
      name: 'ground-below-capabilities',
      severity: 'error',
      from: { path: '^packages/platform/src/(database|http)/' },
      to: { path: `^packages/platform/src/(${capabilities}|tail|system)/` },
    },
    {
      name: 'platform-below-systems',
      severity: 'error',
      from: { path: '^packages/(platform|client)/' },
      to: { path: '^(systems|server|examples)/' },
    },
    {
      name: 'systems-stand-apart',
      severity: 'error',
      from: { path: '^systems/([^/]+)/' },
      to: { path: '^systems/', pathNot: '^systems/$1/' },
    },
    {
      name: 'systems-below-server',
      severity: 'error',
      from: { path: '^(systems|examples)/' },
      to: { path: '^server/' },
    },
    {
      name: 'capability-by-its-face',
      severity: 'error',
      comment: 'another folder of the platform is imported through its index.ts only',
      from: { path: '^packages/platform/src/([^/]+)/' },
      to: {
        path: '^packages/platform/src/[^/]+/',
        pathNot: ['^packages/platform/src/$1/', '^packages/platform/src/[^/]+/index\\.ts$'],
      },
    },
    {
      name: 'acceptance-is-black-box',
      severity: 'error',
      from: { path: '^acceptance/' },
      to: { path: '^(packages/(platform|testing)|systems|server|examples)/' },
    },
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: { pathNot: '\\.test\\.ts$' },
      to: { path: '\\.test\\.ts$' },
    },
    {
      name: 'product-without-test-kit',
      severity: 'error',
      from: { path: '^(packages/(platform|client)|systems|server)/', pathNot: '(\\.test\\.ts|/tests/.*)$' },
      to: { path: '^packages/testing/' },
    },
    {
      name: 'product-without-simulators',
      severity: 'error',
      comment: 'simulators are for development: production code does not load them',
      from: {
        path: '^(packages/(platform|client)|systems|server)/',
        pathNot: '(\\.test\\.ts|/tests/.*|^server/src/(develop/simulate-providers|commands/simulate)\\.ts)$',
      },
      to: { path: '^packages/simulators/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
}
