/** Stands in for `protocol` and `session`: what decides about requests, permissions and downloads. */
import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import { record } from './recorder.ts';

type RequestDecision = (details: { url: string }, decide: (answer: { cancel?: boolean }) => void) => void;
type PermissionDecision = (
  contents: unknown,
  permission: string,
  decide: (isGranted: boolean) => void,
) => void;
type Answer = (request: Request) => Response | Promise<Response>;

class SessionStandIn extends EventEmitter {
  permissionRequest: PermissionDecision | undefined;
  permissionCheck: ((contents: unknown, permission: string) => boolean) | undefined;
  devicePermission: ((details: unknown) => boolean) | undefined;
  displayMedia: ((request: unknown, decide: (streams: unknown) => void) => void) | undefined;
  beforeRequest: RequestDecision | undefined;
  readonly webRequest = {
    onBeforeRequest: (decide: RequestDecision): void => {
      this.beforeRequest = decide;
    },
  };
  setPermissionRequestHandler(decide: PermissionDecision): void {
    this.permissionRequest = decide;
  }
  setPermissionCheckHandler(check: (contents: unknown, permission: string) => boolean): void {
    this.permissionCheck = check;
  }
  setDevicePermissionHandler(check: (details: unknown) => boolean): void {
    this.devicePermission = check;
  }
  setDisplayMediaRequestHandler(
    decide: (request: unknown, decide: (streams: unknown) => void) => void,
  ): void {
    this.displayMedia = decide;
  }
  /** Whether a request may go out. */
  isAllowed(url: string): boolean {
    let isCancelled = false;
    this.beforeRequest?.({ url }, ({ cancel }) => {
      isCancelled = cancel ?? false;
    });
    return !isCancelled;
  }
}

export const defaultSession = new SessionStandIn();

const handlers = new Map<string, Answer>();

export const protocol = {
  registerSchemesAsPrivileged(schemes: readonly unknown[]): void {
    if (app.isReady)
      throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
    record('privilegedSchemes', schemes);
  },
  handle(scheme: string, answer: Answer): void {
    handlers.set(scheme, answer);
  },
};

/** What the app answers to a request of its own scheme. */
export async function answerRequest(url: string, method: string): Promise<Response> {
  const answer = handlers.get(new URL(url).protocol.slice(0, -1));
  if (!answer) return new Response(null, { status: 404 });
  return await answer(toRequest(url, method));
}

/** Node's own Request would take the scheme, but Electron's hands its address on unchanged. */
function toRequest(url: string, method: string): Request {
  const request = new Request('https://stand-in.invalid/', { method });
  Object.defineProperty(request, 'url', { value: url });
  return request;
}
