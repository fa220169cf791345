import { msg, str } from '@lit/localize';

/** The frame of the API page. */
export const docsWords = {
  title: () => msg('HTTP API reference'),
  version: (version: string) => msg(str`Version ${version}`),
  openChat: () => msg('Back to Webchat'),
  skip: () => msg('Skip to the reference'),
  openApiDocument: () => msg('OpenAPI 3.1 document'),
  requestsAreReal: () => msg('Requests sent here are real.'),
  requestsAreRealDetails: () => msg('They read and change your own conversations on this server.'),
  loadFailed: () => msg('The API description can’t be loaded.'),
  tryAgain: () => msg('Try again'),
  contents: () => msg('Contents'),
  filter: () => msg('Filter'),
  noMatches: (text: string) => msg(str`No results for “${text}”.`),
  schemas: () => msg('Schemas'),
};

/** An operation of the API, and the form that tries it. */
export const operationWords = {
  request: () => msg('Request'),
  parameterPlace: (place: 'path' | 'query' | 'header') =>
    ({ path: msg('path'), query: msg('query'), header: msg('header') })[place],
  required: () => msg('required'),
  body: () => msg('Body (JSON)'),
  file: () => msg('File'),
  stream: () => msg('Answer as an event stream'),
  tryIt: () => msg('Try it'),
  sending: () => msg('Sending…'),
  cancel: () => msg('Cancel'),
  changesData: () => msg('Changes your data.'),
  curl: () => msg('Command for curl'),
  copyCurl: () => msg('Copy the command'),
  response: () => msg('Response'),
  responses: () => msg('Responses'),
  status: () => msg('Status'),
  otherStatus: () => msg('Other'),
  description: () => msg('Description'),
  mediaType: () => msg('Media type'),
  schema: () => msg('Schema'),
  requestFailed: () => msg('The request failed. Check your connection.'),
  truncated: () => msg('The rest of the response is not shown.'),
};
