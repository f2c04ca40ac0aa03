// The rules of the layout: imports run one way. tests/structure/imports.test.ts proves that each of them bites.

/**
 * A folder and all that it may import of this repository; packages and Node are free unless a rule below says otherwise.
 * A test may take what it needs.
 */
const MAY_IMPORT = {
  contract: ['services/shared'],
  control: ['contract', 'services/shared'],
  web: ['contract', 'control', 'services/shared'],
  cli: ['contract', 'control', 'web', 'services/shared'],
  electron: ['contract', 'control', 'web', 'services/shared'],
  renderer: ['contract'],
  'services/shared': [],
  'services/gateway': ['services/shared'],
  'services/worker': ['services/shared'],
  'services/migrate': ['services/shared'],
  'services/baselines': ['services/shared'],
  // Two processes that share messages: the runner must not pull autocannon into the control centre.
  'control/attack/protocol': ['contract', 'services/shared', 'control/audit/ledger.ts'],
  'control/attack/generator': [
    'contract',
    'services/shared',
    'control/attack/protocol',
    'control/audit/ledger.ts',
  ],
  // The second judge of a run shares no code with the first one.
  'control/verify': [],
};
/** The folders of control/, from the ground up: each may import those before it, so there is no circle between them. */
const CONTROL_FOLDERS = [
  'lib',
  'processes',
  'logs',
  'settings',
  'cluster',
  'audit',
  'evidence',
  'verify',
  'plants',
  'services',
  'faults',
  'sales',
  'attack',
  'selftest',
  'telemetry',
  'runs',
  'target',
  'lab',
  'export',
  'doctor',
];
// Scripts and tests too: nothing of the dev server or the replay gets into the shipped build.
const OURS = '^(contract|control|web|cli|electron|renderer|services|scripts|tests)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(MAY_IMPORT).map(([folder, others]) => ({
      name: `${folder.replaceAll('/', '-')}-imports`,
      comment: `${folder}/ may import ${['itself', ...others].join(', ')}.`,
      severity: 'error',
      from: { path: `^${folder}/`, pathNot: '\\.test\\.tsx?$' },
      to: { path: OURS, pathNot: [folder, ...others].map((one) => `^${one}(/|$)`) },
    })),
    ...CONTROL_FOLDERS.map((folder, at) => ({
      name: 'control-folder-order',
      comment: `control/${folder}/ may import ${CONTROL_FOLDERS.slice(0, at).join(', ') || 'no other folder of control/'}.`,
      severity: 'error',
      from: { path: `^control/${folder}/`, pathNot: '\\.test\\.ts$' },
      to: {
        path: '^control/',
        pathNot: `^control/(${CONTROL_FOLDERS.slice(0, at + 1).join('|')})/`,
      },
    })),
    {
      name: 'only-electron-imports-electron',
      comment: 'The control centre is plain Node: the terminal, CI and tests run it without Electron.',
      severity: 'error',
      from: { pathNot: '^electron/' },
      to: { path: '(^|node_modules/)electron(/|$)', pathNot: '^electron/' },
    },
    {
      name: 'runner-knows-no-generator',
      comment: 'autocannon stays in the child process.',
      severity: 'error',
      from: { path: '^control/', pathNot: '^control/attack/generator/' },
      to: { path: '^control/attack/generator/|node_modules/autocannon/' },
    },
    {
      name: 'contract-imports-only-zod',
      comment: 'Browser, terminal and window load it.',
      severity: 'error',
      from: { path: '^contract/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm', 'core'], pathNot: 'node_modules/zod/' },
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
