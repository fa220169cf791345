import { expect, test as base } from '@playwright/test';

import { Chat } from './chat.ts';
import { type Script, ScriptedModel } from './scripted-model.ts';
import { realModel, Server, type Settings, type Users } from './server.ts';

interface Fixtures {
  /** A server for this test, with the real model. */
  server: Server;
  /** Starts a server for this test, with a scripted model. */
  scripted: (script: Script, settings?: Settings, users?: Users) => Promise<Server>;
  /** The page. Any error in the browser fails the test. */
  chat: Chat;
}

export const test = base.extend<Fixtures>({
  server: async ({}, use) => {
    const server = await Server.start(realModel());
    await use(server);
    await server.stop();
  },
  scripted: async ({}, use) => {
    const cleanups: (() => Promise<void>)[] = [];
    await use(async (script, settings, users) => {
      const model = await ScriptedModel.start(script);
      const server = await Server.start(model.upstream, settings, users);
      cleanups.push(async () => {
        await server.stop();
        model.stop();
      });
      return server;
    });
    for (const cleanup of cleanups) await cleanup();
  },
  chat: async ({ page }, use) => {
    const chat = new Chat(page);
    await use(chat);
    expect(chat.errors).toEqual([]);
  },
});

export { expect };
