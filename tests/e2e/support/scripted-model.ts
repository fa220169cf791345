import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { listen } from './listen.ts';
import type { Upstream } from './server.ts';

/** Writes the chunks of an answer, and of the reasoning before it. Returns at its end, or throws to disconnect. */
export type Script = (
  question: string,
  write: (text: string) => void,
  reason: (text: string) => void,
) => Promise<void>;

/** Answers each question with “About” and the question. */
export const echo: Script = async (question, write) => write(`About ${question}`);

/** A model with scripted answers, for tests that need an exact text or a failure. */
export class ScriptedModel {
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  #port = 0;

  private constructor(private script: Script) {}

  static async start(script: Script): Promise<ScriptedModel> {
    const model = new ScriptedModel(script);
    model.#port = await listen(model.#server);
    return model;
  }

  get upstream(): Upstream {
    return {
      url: `http://127.0.0.1:${this.#port}/v1/chat/completions`,
      name: 'scripted',
      maxTokens: '16000',
    };
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { messages } = JSON.parse(body) as { messages: { content: string }[] };
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const chunk = (choice: object) =>
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`);
    try {
      await this.script(
        messages.at(-1)?.content ?? '',
        (content) => chunk({ delta: { content } }),
        (reasoning_content) => chunk({ delta: { reasoning_content } }),
      );
      chunk({ delta: {}, finish_reason: 'stop' });
      response.end('data: [DONE]\n\n');
    } catch {
      // Wait until the chunks have been sent, then disconnect.
      await sleep(50);
      response.destroy();
    }
  }
}
