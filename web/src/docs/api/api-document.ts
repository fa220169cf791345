/** The fields of an OpenAPI document that this page uses. */
export interface ApiDocument {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Partial<Record<Method, OperationObject>>>;
  components: { schemas: Record<string, unknown>; responses?: Record<string, ResponseObject> };
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Method = (typeof METHODS)[number];

interface OperationObject {
  tags?: string[];
  summary?: string;
  description?: string;
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: unknown; example?: unknown }> };
  responses: Record<string, ResponseObject | Reference>;
}

interface ResponseObject {
  description?: string;
  content?: Record<string, { schema: unknown }>;
}

interface Reference {
  $ref: string;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  description?: string;
  required?: boolean;
}

export interface ResponseSummary {
  /** The status; `default` stands for all others. */
  status: string;
  description: string;
  mediaTypes: string[];
  schemas: string[];
}

/** An operation of the API. */
export interface Operation {
  id: string;
  /** The id in words: “Send message”. */
  name: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  /** The example of the JSON body; `null` if the operation has no such body. */
  body: string | null;
  /** Whether the body is a form with a file. */
  takesFile: boolean;
  responses: ResponseSummary[];
}

export interface OperationGroup {
  /** The id of its section. */
  id: string;
  name: string;
  description: string;
  operations: Operation[];
}

/** Groups the operations by tag, in the order of the document. */
export function groupByTag(apiDocument: ApiDocument): OperationGroup[] {
  const operations = Object.entries(apiDocument.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation
        ? [{ tag: operation.tags?.[0], ...toOperation(apiDocument, method, path, operation) }]
        : [];
    }),
  );
  return (apiDocument.tags ?? []).map(({ name, description = '' }) => ({
    id: `tag-${name}`,
    name: inWords(name),
    description,
    operations: operations.filter(({ tag }) => tag === name),
  }));
}

function toOperation(
  apiDocument: ApiDocument,
  method: string,
  path: string,
  operation: OperationObject,
): Operation {
  const content = operation.requestBody?.content ?? {};
  const takesFile = 'multipart/form-data' in content;
  const body = takesFile ? undefined : content['application/json'];
  return {
    id: operation.operationId,
    name: inWords(operation.operationId),
    method: method.toUpperCase(),
    path,
    summary: operation.summary ?? '',
    description: operation.description ?? '',
    parameters: operation.parameters ?? [],
    body: body ? JSON.stringify(body.example ?? {}, null, 2) : null,
    takesFile,
    responses: Object.entries(operation.responses).map(([status, response]) =>
      toResponse(status, resolve(apiDocument, response)),
    ),
  };
}

/** “list_few_shot_examples” becomes “List few-shot examples”. */
function inWords(id: string): string {
  const words = id.replaceAll('_', ' ').replace('few shot', 'few-shot');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function toResponse(status: string, { description, content }: ResponseObject): ResponseSummary {
  const entries = Object.entries(content ?? {});
  return {
    status,
    description: description ?? '',
    mediaTypes: entries.map(([mediaType]) => mediaType),
    schemas: entries.map(([, { schema }]) => schemaName(schema)).filter((name) => name !== ''),
  };
}

function resolve(apiDocument: ApiDocument, response: ResponseObject | Reference): ResponseObject {
  if (!('$ref' in response)) return response;
  return apiDocument.components.responses?.[lastSegment(response.$ref)] ?? {};
}

/** The name of a referenced schema, which is its anchor on the page. */
function schemaName(schema: unknown): string {
  return lastSegment((schema as Partial<Reference>).$ref ?? '');
}

function lastSegment(reference: string): string {
  return reference.split('/').at(-1) ?? '';
}

/** Whether the response is available as JSON and as an event stream. */
export function supportsStreaming({ responses }: Operation): boolean {
  return responses.some(({ mediaTypes }) => mediaTypes.includes('text/event-stream'));
}

/** Whether the request may change data. */
export function isChanging({ method }: Operation): boolean {
  return method !== 'GET';
}
