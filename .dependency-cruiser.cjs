// The rules of the layout: imports run one way. tests/imports.test.ts proves that each of them bites.
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'control-knows-no-electron',
      comment: 'The control centre is plain Node: the terminal, CI and tests run it without Electron.',
      severity: 'error',
      from: { path: '^electron/(control|web|cli)' },
      to: { path: '(^|node_modules/)electron(/|$)', pathNot: '^electron/' },
    },
    {
      name: 'control-knows-no-face',
      severity: 'error',
      from: { path: '^electron/control/' },
      to: { path: '^(electron/(?!control/)|renderer/)' },
    },
    {
      name: 'gateway-and-worker-are-strangers',
      comment: 'They meet in services/shared: what they must agree on stays in one place.',
      severity: 'error',
      from: { path: '^services/(gateway|worker|baselines|migrate)/' },
      to: { path: '^services/(?!shared/)', pathNot: '^services/$1/' },
    },
    {
      name: 'shared-knows-no-service',
      severity: 'error',
      from: { path: '^services/shared/' },
      to: { path: '^(services/(?!shared/)|electron/|renderer/)' },
    },
    {
      name: 'services-know-no-desktop',
      severity: 'error',
      from: { path: '^services/' },
      to: { path: '^(electron|renderer)/' },
    },
    {
      name: 'desktop-knows-only-shared',
      severity: 'error',
      from: { path: '^electron/' },
      to: { path: '^(services/(?!shared/)|renderer/)' },
    },
    {
      name: 'renderer-knows-only-the-contract',
      comment:
        'Contract, profiles, run record and the words of a verdict are pure; anything else of the control centre is Node.',
      severity: 'error',
      from: { path: '^renderer/' },
      to: {
        path: '^(electron|services)/',
        pathNot:
          '^electron/control/(contract|attack/profile|report/(?:run-record|run-marks|run-notes|verdict-text|format)|cluster/cluster)\\.ts$|^services/shared/(sales|ids)\\.ts$',
      },
    },
    {
      name: 'renderer-knows-no-node',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '\\.test\\.tsx?$' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist|prisma/generated)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
