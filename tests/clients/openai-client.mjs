// The official JavaScript client of OpenAI's API, controlled by a test: node openai-client.mjs BASE_URL API_KEY
//
// Reads requests as lines of JSON from stdin, and prints the result of each as a line of JSON.
import { createInterface } from 'node:readline';

import OpenAI from 'openai';

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

async function models() {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  const retrieved = await Promise.all(ids.map((id) => client.models.retrieve(id)));
  return { ids, retrieved: retrieved.map(({ id }) => id) };
}

async function complete({ request, headers }) {
  const { data, response } = await client.chat.completions.create(request, { headers }).withResponse();
  const [choice] = data.choices;
  return {
    content: choice.message.content,
    finish_reason: choice.finish_reason,
    usage: data.usage,
    conversation_id: response.headers.get('x-conversation-id'),
  };
}

async function stream({ request, headers, chunks }) {
  const result = { content: '', finish_reason: null, usage: null };
  const options = { stream: true, stream_options: { include_usage: true } };
  const events = await client.chat.completions.create({ ...request, ...options }, { headers });
  let number = 0;
  for await (const chunk of events) {
    // This closes the connection.
    if (number++ === chunks) break;
    result.usage = chunk.usage ?? result.usage;
    for (const choice of chunk.choices) {
      result.content += choice.delta.content ?? '';
      result.finish_reason = choice.finish_reason;
    }
  }
  return result;
}

const actions = { models, complete, stream };

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const result = await actions[command.do](command).catch((error) => {
    if (!(error instanceof OpenAI.APIError)) throw error;
    const { code, param, message } = error;
    return { error: error.constructor.name, code, param, message };
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
