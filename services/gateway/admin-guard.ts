import { createHash, timingSafeEqual } from 'node:crypto';
import { ProblemError, rejection } from './problems.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/**
 * Checks an `Authorization` header for the admin token; throws ProblemError `unauthorised` or `forbidden`.
 */
export function adminGuard(token: string): (authorization: string | undefined) => void {
  const expected = digest(token);
  return (authorization) => {
    const given = BEARER.exec(authorization ?? '')?.[1];
    if (given === undefined)
      throw new ProblemError(
        rejection('unauthorised', 'Send the header `Authorization: Bearer <admin token>`.', {
          headers: ['www-authenticate', 'Bearer realm="flashgrid"'],
        }),
      );
    // timingSafeEqual needs equal lengths, which digests have.
    if (!timingSafeEqual(digest(given), expected))
      throw new ProblemError(rejection('forbidden', 'Send the gateway’s FLASHGRID_ADMIN_TOKEN.'));
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
