import type { Operation, Parameter } from './api-document';
import { formatJson } from './json';

/** What the form of an operation contains. */
export interface RequestValues {
  valueOf: (parameter: Parameter) => string;
  /** The JSON body; `null` if the operation has none. */
  body: string | null;
  file: File | null;
  isStreaming: boolean;
}

/** Builds a request for the page's own server. The path is relative to the page. */
export function buildRequest(
  operation: Operation,
  values: RequestValues,
): { path: string; init: RequestInit } {
  const headers = new Headers(requestHeaders(operation, values));
  let body: BodyInit | null = values.body;
  if (values.body !== null) headers.set('content-type', 'application/json');
  if (operation.takesFile) {
    const form = new FormData();
    if (values.file) form.append('file', values.file);
    body = form;
  }
  const path = requestPath(operation, values).slice(1);
  return { path, init: { method: operation.method, headers, body } };
}

/** Writes the request as a command for a shell. */
export function curlCommand(operation: Operation, values: RequestValues, baseUrl: string): string {
  const options = ['curl --cookie cookies.txt --cookie-jar cookies.txt'];
  if (operation.method !== 'GET') options.push(`--request ${operation.method}`);
  if (values.isStreaming) options.push('--no-buffer');
  for (const [name, value] of requestHeaders(operation, values)) {
    options.push(`--header ${quote(`${name}: ${value}`)}`);
  }
  if (values.body !== null) {
    options.push(
      `--header 'Content-Type: application/json'`,
      `--data ${quote(formatJson(values.body))}`,
    );
  }
  if (operation.takesFile) options.push(`--form ${quote(`file=@${values.file?.name ?? 'FILE'}`)}`);
  return [...options, quote(new URL(requestPath(operation, values).slice(1), baseUrl).href)].join(
    ' \\\n  ',
  );
}

function requestHeaders(operation: Operation, values: RequestValues): [string, string][] {
  const headers = operation.parameters
    .filter((parameter) => parameter.in === 'header')
    .map((parameter): [string, string] => [parameter.name, values.valueOf(parameter)])
    .filter(([, value]) => value !== '');
  return values.isStreaming ? [...headers, ['Accept', 'text/event-stream']] : headers;
}

/** The path with its parameters. Required values that are missing appear in capitals. */
function requestPath(operation: Operation, { valueOf }: RequestValues): string {
  const query = new URLSearchParams();
  let { path } = operation;
  for (const parameter of operation.parameters) {
    const { name, required = false } = parameter;
    const value = valueOf(parameter) || (required ? name.toUpperCase() : '');
    if (parameter.in === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (parameter.in === 'query' && value !== '') query.set(name, value);
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

/** Quotes a text for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
