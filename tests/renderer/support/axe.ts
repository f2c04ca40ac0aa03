/** axe-core in the page. It comes by the debugger's protocol, which no policy of the page has to allow. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { z } from 'zod';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Everything that axe knows of WCAG up to 2.2 AA, and its best practices. */
const run = (except: readonly string[]): string => `axe.run(document, {
  resultTypes: ['violations'],
  preload: false,
  rules: ${JSON.stringify(Object.fromEntries(except.map((id) => [id, { enabled: false }])))},
}).then(({ violations }) => violations.map(({ id, help, nodes }) =>
  ({ id, help, nodes: nodes.slice(0, 3).map(({ html, any, all }) =>
    html.slice(0, 160) + ' ' + [...any, ...all].map(({ message }) => message).join('; ')) })))`;

const violationsSchema = z.array(z.object({ id: z.string(), help: z.string(), nodes: z.array(z.string()) }));
export type Violation = z.infer<typeof violationsSchema>[number];

/**
 * What a person with an assistive technology would stumble over, on the page as it stands.
 * @param except rules of axe that do not fit what is open
 */
export async function findViolations(
  page: Page,
  except: readonly string[] = [],
): Promise<readonly Violation[]> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('Runtime.evaluate', { expression: SOURCE });
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression: run(except),
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(`axe failed: ${JSON.stringify(exceptionDetails)}`);
    return violationsSchema.parse(result.value);
  } finally {
    await session.detach();
  }
}
