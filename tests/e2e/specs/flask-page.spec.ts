import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

import type { Page } from '@playwright/test';

import { expect, test as base } from '../support/fixtures.ts';
import { listen } from '../support/listen.ts';
import { echo } from '../support/scripted-model.ts';

const PAGE = join(import.meta.dirname, '../support/flask-page');
const SOCKET_IO_CLIENT = join(
  import.meta.dirname,
  '../../clients/node_modules/socket.io-client/dist/socket.io.min.js',
);
const MEDIA_TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };

/** A directory with a page like that of the Flask application, and its Socket.IO client. */
const test = base.extend<{ dir: string }>({
  dir: async ({}, use) => {
    const dir = await mkdtemp(join(tmpdir(), 'webchat-flask-page-'));
    await cp(PAGE, dir, { recursive: true });
    await cp(SOCKET_IO_CLIENT, join(dir, 'assets/socket.io.min.js'));
    await use(dir);
    await rm(dir, { recursive: true });
  },
});

test('a page of the Flask application works unchanged', async ({ scripted, chat, dir }) => {
  const server = await scripted(echo, { WEB_DIR: dir });
  const websockets: string[] = [];
  chat.page.on('websocket', (socket) => websockets.push(new URL(socket.url()).pathname));
  await chat.page.goto(server.url);

  await converse(chat.page, 'first');
  await expect(() => expect(websockets).toEqual(['/socket.io/'])).toPass();
  await send(chat.page, '');
  await expect(chat.page.getByRole('alert')).toHaveText('No message received from user.');

  await server.kill();
  await expect(chat.page.getByRole('status')).toHaveText('Disconnected');
  await server.restart();
  await expect(chat.page.getByRole('status')).toHaveText(/^Connected/);
  await send(chat.page, 'second');

  await expect(chat.page.locator('.answer')).toHaveText(['About first', 'About second']);
});

test('a page of an allowed origin works with polling only', async ({
  scripted,
  chat,
  dir,
}) => {
  const pageServer = serve(dir);
  const origin = `http://127.0.0.1:${await listen(pageServer)}`;
  const server = await scripted(echo, { ALLOWED_ORIGINS: origin });

  await chat.page.goto(`${origin}/index.html?server=${server.url}`);
  await converse(chat.page, 'from another origin');

  pageServer.closeAllConnections();
  pageServer.close();
});

async function converse(page: Page, message: string): Promise<void> {
  await expect(page.getByRole('status')).toHaveText(/^Connected/);
  await page.getByRole('button', { name: 'Start conversation' }).click();
  await expect(page.getByText('New conversation started.')).toBeVisible();
  await send(page, message);
  await expect(page.locator('.answer')).toHaveText(`About ${message}`);
  await expect(page.locator('#tokens')).toHaveText(/^Total tokens used: \d+$/);
}

async function send(page: Page, message: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(message);
  await page.getByRole('button', { name: 'Send' }).click();
}

function serve(dir: string): HttpServer {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    readFile(join(dir, pathname)).then(
      (file) => response.setHeader('Content-Type', MEDIA_TYPES[extname(pathname)] ?? '').end(file),
      () => response.writeHead(404).end(),
    );
  });
}
