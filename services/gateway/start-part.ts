/** What the gateway needs when it starts: each within a limit, and each failure with its name, its address and what to do. */
import { ServiceError } from '../shared/service-process.ts';

/** @throws ServiceError `gateway.<part>Away` when `start` fails or has not ended after `limitMs` */
export async function startPart(
  name: string,
  url: string,
  limitMs: number,
  start: () => Promise<unknown>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([start(), limit]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServiceError(
      `gateway.${name.toLowerCase()}Away`,
      `${name} at ${hostsOf(url)} could not be used: ${reason}`,
      `Check that ${name} runs there and that the URL, with user and password, is right.`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Hosts and ports of URLs, without their passwords. */
function hostsOf(urls: string): string {
  return urls
    .split(',')
    .map((url) => new URL(url).host)
    .join(', ');
}
