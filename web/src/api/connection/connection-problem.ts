/** Why the server can't be connected, although it responds to requests. */
export type ConnectionProblem =
  'too-many-connections' | 'server-full' | 'origin-not-allowed' | 'websocket-blocked';

/** A connection problem, or that nobody is signed in although users must sign in. */
export type ConnectProblem = ConnectionProblem | 'signed-out';

const ENGINE_IO = 'socket.io/?EIO=4&transport=polling';
const CLOSE_PACKET = '1';
/** The code of a refused origin in the errors of Engine.IO. */
const BAD_ORIGIN = 4;
const TIMEOUT_MS = 5000;

/**
 * Finds out why the server refuses a WebSocket. The browser does not report the status, so this opens a connection
 * with long polling, which has the same limits, and closes it again. Returns `null` if the server can't be
 * reached.
 */
export async function findConnectionProblem(): Promise<ConnectProblem | null> {
  try {
    const response = await poll('GET', ENGINE_IO);
    const text = await response.text();
    if (!response.ok) return problemOf(response.status, codeIn(text));
    const { sid } = JSON.parse(text.slice(1)) as { sid: string };
    // Browsers send the origin with this request only.
    const closing = await poll('POST', `${ENGINE_IO}&sid=${encodeURIComponent(sid)}`, CLOSE_PACKET);
    if (closing.ok) return 'websocket-blocked';
    return problemOf(closing.status, codeIn(await closing.text()));
  } catch {
    return null;
  }
}

function poll(method: string, url: string, body?: string): Promise<Response> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return fetch(url, body === undefined ? { method, signal } : { method, signal, body });
}

/** The code in an error response of Webchat or of Engine.IO. */
function codeIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { code?: unknown }).code;
  } catch {
    return null;
  }
}

/** A proxy without its server responds with an error, too: only the codes of the server are a reason. */
function problemOf(status: number, code: unknown): ConnectProblem | null {
  if (code === 'authentication_required') return 'signed-out';
  if (code === 'connection_limit') return 'too-many-connections';
  if (code === 'too_many_connections') return 'server-full';
  const isOrigin = code === 'origin_not_allowed' || (status === 403 && code === BAD_ORIGIN);
  return isOrigin ? 'origin-not-allowed' : null;
}
