import { AxeBuilder } from '@axe-core/playwright';
import { type BrowserContext, expect, type Locator, type Page } from '@playwright/test';

import { unreachableControls } from './controls.ts';
import type { Server } from './server.ts';

/** The chat page, with the actions of a user. */
export class Chat {
  /** The browser's errors: exceptions, failed requests and violations of the content security policy. */
  readonly errors: string[] = [];
  /** Whether the test expects failing requests. */
  expectsErrors = false;

  constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      // Some tests stop the server, or open a conversation that does not exist.
      const isIgnored = /ERR_CONNECTION_(REFUSED|RESET)|ERR_SOCKET_NOT_CONNECTED|WebSocket connection|404|ERR_INTERNET_DISCONNECTED/.test(
        message.text(),
      );
      const isExpected = this.expectsErrors && /status of (4|5)\d\d/.test(message.text());
      if (message.type() === 'error' && !isIgnored && !isExpected) {
        this.errors.push(message.text());
      }
    });
  }

  /** Opens a page in a browser context: another tab, or another user. */
  static async in(context: BrowserContext): Promise<Chat> {
    return new Chat(await context.newPage());
  }

  get field(): Locator {
    return this.page.getByRole('textbox', { name: 'Message' });
  }

  get questions(): Locator {
    return this.page.getByRole('article', { name: 'You' });
  }

  get answers(): Locator {
    return this.page.getByRole('article', { name: 'Answer' });
  }

  /** The field that chooses files, which the button for attachments opens. */
  get fileInput(): Locator {
    return this.page.locator('input[type=file]');
  }

  /** The files that are being uploaded or read. */
  get files(): Locator {
    return this.page.getByRole('list', { name: 'Files' });
  }

  get settingsButton(): Locator {
    return this.page.getByRole('banner').getByRole('button', { name: 'Chat settings', exact: true });
  }

  get settings(): Locator {
    return this.page.getByRole('dialog', { name: 'Chat settings' });
  }

  /** The path of the open conversation. */
  get path(): string {
    return new URL(this.page.url()).pathname;
  }

  get list(): Locator {
    return this.page.getByRole('navigation', { name: 'Chats' });
  }

  async open(server: Server, path = '/'): Promise<void> {
    await this.page.goto(server.url + path);
    await expect(this.field).toBeVisible();
  }

  /** Opens the page in another tab of the same user. */
  async openTab(server: Server, path = '/'): Promise<Chat> {
    const tab = await Chat.in(this.page.context());
    await tab.open(server, path);
    return tab;
  }

  /** Opens the chat settings. Returns their dialog. */
  async openSettings(): Promise<Locator> {
    await this.settingsButton.click();
    await expect(this.settings.getByRole('heading', { name: 'Instructions' })).toBeVisible();
    return this.settings;
  }

  async send(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  /** Chooses an item in the menu of a conversation in the list. */
  async choose(title: string, item: string): Promise<void> {
    await this.list.getByRole('button', { name: `Options for ${title}` }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }

  /** Sends a message and waits for the complete answer. Returns its text. */
  async ask(text: string): Promise<string> {
    const count = await this.answers.count();
    await this.send(text);
    await expect(this.answers).toHaveCount(count + 1);
    await this.waitForAnswer();
    return this.answers.last().innerText();
  }

  async waitForAnswer(): Promise<void> {
    await expect(this.answers.last()).toHaveAttribute('aria-busy', 'false', { timeout: 45_000 });
  }

  /** Asserts that nothing is wider than the window. */
  async expectNoHorizontalOverflow(): Promise<void> {
    const excess = () =>
      this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    // After a resize, the page is laid out in the next frame.
    await expect.poll(excess, 'the page overflows horizontally').toBeLessThanOrEqual(0);
  }

  /** Asserts that every control is in the window or can be scrolled into it, and that nothing covers it. */
  async expectAllControlsReachable(): Promise<void> {
    expect(await this.page.evaluate(unreachableControls)).toEqual([]);
  }

  async expectAccessible(): Promise<void> {
    // Wait for animations: colours are not final while an element fades in.
    await this.page.evaluate(() => {
      const isFinite = ({ effect }: Animation) => effect?.getComputedTiming().iterations !== Infinity;
      const animations = document.getAnimations().filter(isFinite);
      return Promise.allSettled(animations.map(({ finished }) => finished)).then(() => undefined);
    });
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  }
}

/** Presses a key as a part of the composition of a character. */
export async function pressWhileComposing(field: Locator, key: string): Promise<void> {
  // Safari reports the composition only by this key code.
  for (const init of [{ isComposing: true }, { keyCode: 229 }]) {
    await field.dispatchEvent('keydown', { key, ...init });
  }
}

/**
 * Sends the questions to the conversation at this path over a WebSocket, which is faster than typing, and waits for
 * the answers.
 */
export async function askAll(page: Page, path: string, questions: string[]): Promise<void> {
  const request = { conversation_id: path.split('/').at(-1), questions };
  await page.evaluate(async ({ conversation_id, questions }) => {
    const socket = new WebSocket('/ws');
    await new Promise<void>((resolve, reject) => {
      let message: string | undefined;
      const ask = () => {
        const data = { conversation_id, message };
        socket.send(JSON.stringify({ event: 'send_message', data }));
      };
      const next = () => {
        message = questions.shift();
        if (message === undefined) resolve();
        else ask();
      };
      socket.addEventListener('open', next);
      socket.addEventListener('message', ({ data }) => {
        const { event, data: body } = JSON.parse(data);
        if (event === 'token_usage') next();
        else if (body.code === 'rate_limited') setTimeout(ask, body.retry_after_ms);
        else if (event === 'error') reject(new Error(body.message));
      });
    });
    socket.close();
  }, request);
}
