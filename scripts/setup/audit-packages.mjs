/** Known advisories about the packages of package-lock.json, those of the tools too: Electron is one, and is shipped. */
import { runAside } from './tools.mjs';

/** Severities that fail the run. */
const FAILING = ['high', 'critical'];
/** A registry that does not answer must not hold up the tests. */
const LIMITS = ['--fetch-timeout=20000', '--fetch-retries=1'];

/**
 * Asks the registry with `npm audit`. A registry that keeps no advisories, as many mirrors, fails nothing: the text says it.
 * @returns an exit code, and what to print
 */
export async function auditPackages() {
  const { text } = await runAside('npm', ['audit', '--json', '--loglevel=silent', ...LIMITS]);
  const report = parseReport(text);
  if (report.vulnerabilities === undefined)
    return {
      code: 0,
      text: `! npm audit could not be asked, so no package was checked for known advisories: ${report.message ?? 'no answer'}\n`,
    };
  const found = Object.values(report.vulnerabilities);
  const failing = found.filter(({ severity }) => FAILING.includes(severity));
  if (failing.length === 0)
    return { code: 0, text: `✔ npm audit: no high advisory, ${found.length} lower\n` };
  const lines = failing.map(({ name, range, severity, via }) => {
    const [advisory] = via.filter((one) => typeof one === 'object');
    return `  ${severity}: ${name} ${range}: ${advisory ? `${advisory.title} (${advisory.url})` : `by ${via.join(', ')}`}\n`;
  });
  return {
    code: 1,
    text: `✗ npm audit: update these with \`npm audit fix\`, or override them in package.json\n${lines.join('')}`,
  };
}

function parseReport(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim().split('\n')[0] };
  }
}
