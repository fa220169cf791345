import { formatJson } from './json';

/** The maximum number of characters of a response that are shown. */
export const MAX_SHOWN_CHARACTERS = 100_000;

/** The headers of a response that clients use. */
const SHOWN_HEADERS = ['content-type', 'etag', 'location', 'allow', 'retry-after', 'x-request-id'];

/** A response, which may be incomplete: it may be an event stream. */
export interface ShownResponse {
  status: number;
  headers: [string, string][];
  body: string;
  isJson: boolean;
  isTruncated: boolean;
  isComplete: boolean;
}

/** Reads a response. Calls `onupdate` whenever more of it has arrived. */
export async function readResponse(
  response: Response,
  onupdate: (shown: ShownResponse) => void,
): Promise<void> {
  const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
  const shown: ShownResponse = {
    status: response.status,
    headers: SHOWN_HEADERS.map((name): [string, string] => [
      name,
      response.headers.get(name) ?? '',
    ]).filter(([, value]) => value !== ''),
    body: '',
    isJson,
    isTruncated: false,
    isComplete: false,
  };
  onupdate(shown);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let body = '';
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
    body += chunk.value;
    if (body.length > MAX_SHOWN_CHARACTERS) {
      await reader?.cancel();
      break;
    }
    if (!isJson) onupdate({ ...shown, body });
  }
  const isTruncated = body.length > MAX_SHOWN_CHARACTERS;
  onupdate({
    ...shown,
    body: isJson && !isTruncated ? formatJson(body, 2) : body.slice(0, MAX_SHOWN_CHARACTERS),
    isTruncated,
    isComplete: true,
  });
}
