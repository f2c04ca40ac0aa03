/** See audit-packages.mjs. */
export function auditPackages(): Promise<{ readonly code: number; readonly text: string }>;
