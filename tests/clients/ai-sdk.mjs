// Vercel's AI SDK, controlled by a test: node ai-sdk.mjs BASE_URL API_KEY
//
// Reads prompts as lines of JSON from stdin, and prints for each a line of JSON with the complete and the streamed answer.
import { createInterface } from 'node:readline';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';

const [baseURL, apiKey] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: 'webchat', baseURL, apiKey, includeUsage: true });

for await (const line of createInterface({ input: process.stdin })) {
  const options = { model: provider('scripted'), maxRetries: 0, ...JSON.parse(line) };
  const { text, finishReason, reasoningText } = await generateText(options);
  const stream = streamText(options);
  let streamed = '';
  for await (const part of stream.textStream) streamed += part;
  const { totalTokens, outputTokenDetails } = await stream.usage;
  const { reasoningTokens } = outputTokenDetails;
  const reasoning = { text: reasoningText, streamed: await stream.reasoningText, tokens: reasoningTokens };
  const result = { text, finishReason, streamed, totalTokens, reasoning };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
