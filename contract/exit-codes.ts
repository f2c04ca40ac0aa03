/** Exit codes, for scripts and CI. */
export const EXIT = {
  pass: 0,
  usage: 2,
  auditFailed: 3,
  thresholdMissed: 4,
  invalid: 5,
  infrastructure: 6,
  interrupted: 130,
} as const;
