/** Lets requests with the admin token pass. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ProblemError, refusal } from './problems.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** A check of an `Authorization` header that throws ProblemError `unauthorised` or `forbidden`. */
export function adminGuard(token: string): (authorization: string | undefined) => void {
  const expected = digest(token);
  return (authorization) => {
    const given = BEARER.exec(authorization ?? '')?.[1];
    if (given === undefined)
      throw new ProblemError(
        refusal('unauthorised', 'Send the header `Authorization: Bearer <admin token>`.', {
          headers: ['www-authenticate', 'Bearer realm="flashgrid"'],
        }),
      );
    // Digests are of one length, so that the comparison takes the same time for every token.
    if (!timingSafeEqual(digest(given), expected))
      throw new ProblemError(refusal('forbidden', 'The token is another one.'));
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
