/** The fields of an OpenAPI document that this page uses. */
export interface ApiDocument {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Partial<Record<Method, OperationObject>>>;
  components: { schemas: Record<string, unknown> };
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
  responses: Record<
    string,
    { description?: string; content?: Record<string, { schema: unknown }> }
  >;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  description?: string;
  required?: boolean;
}

/** An operation of the API. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  /** The example of the JSON body; `null` if the operation has no body. */
  body: string | null;
  responses: { status: string; description: string; mediaTypes: string[]; schema: string }[];
}

/** Groups the operations by tag, in the order of the document. */
export function groupByTag(
  apiDocument: ApiDocument,
): { name: string; description: string; operations: Operation[] }[] {
  const operations = Object.entries(apiDocument.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation
        ? [{ tag: operation.tags?.[0], ...toOperation(method, path, operation) }]
        : [];
    }),
  );
  return (apiDocument.tags ?? []).map(({ name, description = '' }) => ({
    name,
    description,
    operations: operations.filter(({ tag }) => tag === name),
  }));
}

function toOperation(method: string, path: string, operation: OperationObject): Operation {
  const body = operation.requestBody?.content['application/json'];
  return {
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    summary: operation.summary ?? '',
    description: operation.description ?? '',
    parameters: operation.parameters ?? [],
    body: body ? JSON.stringify(body.example ?? {}, null, 2) : null,
    responses: Object.entries(operation.responses).map(([status, response]) => {
      const content = Object.entries(response.content ?? {});
      const schemas = content.map(([, { schema }]) => schemaName(schema)).filter(Boolean);
      return {
        status,
        description: response.description ?? '',
        mediaTypes: content.map(([mediaType]) => mediaType),
        schema: schemas.join(', '),
      };
    }),
  };
}

/** The name of a referenced schema, which is its anchor on the page. */
function schemaName(schema: unknown): string {
  const reference = (schema as { $ref?: string }).$ref ?? '';
  return reference.split('/').at(-1) ?? '';
}

/** Builds a request from the values of the form. */
export function buildRequest(
  operation: Operation,
  valueFor: (parameter: Parameter) => string,
  body: string | null,
): { path: string; init: RequestInit } {
  const headers = new Headers();
  const query = new URLSearchParams();
  let path = operation.path;
  for (const parameter of operation.parameters) {
    const value = valueFor(parameter);
    if (parameter.in === 'path') {
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    } else if (value) {
      if (parameter.in === 'query') query.set(parameter.name, value);
      else headers.set(parameter.name, value);
    }
  }
  if (body !== null) headers.set('content-type', 'application/json');
  const search = query.size > 0 ? `?${query}` : '';
  return { path: `${path}${search}`, init: { method: operation.method, headers, body } };
}
