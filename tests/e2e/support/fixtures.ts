import { AxeBuilder } from '@axe-core/playwright';
import { type BrowserContext, expect, type Locator, type Page, test as base } from '@playwright/test';

import { realModel, Server, type Settings } from './server.ts';
import { type Script, ScriptedModel } from './scripted-model.ts';

interface Fixtures {
  /** A server for this test, with the real model. */
  server: Server;
  /** Starts a server for this test, with a scripted model. */
  scripted: (script: Script, settings?: Settings) => Promise<Server>;
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
    await use(async (script, settings) => {
      const model = await ScriptedModel.start(script);
      const server = await Server.start(model.upstream, settings);
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

/** The page, with the actions of a user. */
export class Chat {
  /** The browser's errors: exceptions, failed requests and violations of the content security policy. */
  readonly errors: string[] = [];
  /** Whether the test expects failing requests. */
  expectsErrors = false;

  constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      // Some tests stop the server.
      const isDisconnect = /ERR_CONNECTION_(REFUSED|RESET)|ERR_SOCKET_NOT_CONNECTED|WebSocket connection|404|ERR_INTERNET_DISCONNECTED/.test(
        message.text(),
      );
      const isExpected = this.expectsErrors && /status of (4|5)\d\d/.test(message.text());
      if (message.type() === 'error' && !isDisconnect && !isExpected) {
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

  get list(): Locator {
    return this.page.getByRole('navigation', { name: 'Conversations' });
  }

  async open(server: Server, path = '/'): Promise<void> {
    await this.page.goto(server.url + path);
    await expect(this.field).toBeVisible();
  }

  async send(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  /** Chooses an item of the menu of a conversation in the list. */
  async choose(title: string, choice: string): Promise<void> {
    await this.list.getByRole('button', { name: `Options of ${title}` }).click();
    await this.page.getByRole('menuitem', { name: choice }).click();
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
    const [wide, window] = await this.page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    expect(wide).toBeLessThanOrEqual(window ?? 0);
  }

  /** Asserts that every control is in the window or can be scrolled there, and that nothing covers it. */
  async expectAllControlsReachable(): Promise<void> {
    expect(await this.page.evaluate(unreachableControls)).toEqual([]);
  }

  async expectAccessible(): Promise<void> {
    // Wait for animations: colours are not final while an element fades in.
    await this.page.evaluate(() => {
      const ends = (one: Animation) => one.effect?.getComputedTiming().iterations !== Infinity;
      const ending = document.getAnimations().filter(ends);
      return Promise.allSettled(ending.map((one) => one.finished)).then(() => undefined);
    });
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  }
}

/** The controls of the page, or of its topmost layer, that a pointer can't reach. */
function unreachableControls(): string[] {
  const layers = ['.menu:popover-open', 'dialog[open]', '.sidebar-open #sidebar'];
  const top = layers.map((one) => document.querySelector(one)).find((one) => one?.checkVisibility());
  const controls = (top ?? document).querySelectorAll<HTMLElement>(
    'button, a[href], input:not([type=file]), textarea, select, summary',
  );
  const wrong: string[] = [];
  for (const control of controls) {
    if (!control.checkVisibility({ visibilityProperty: true }) || control.matches('.skip')) continue;
    control.scrollIntoView({ block: 'nearest' });
    const { left, right, top, bottom, width, height } = control.getBoundingClientRect();
    const label = control.getAttribute('aria-label') ?? control.textContent?.trim() ?? '';
    const name = `${control.localName} “${label.slice(0, 40)}”`;
    // Scrolling may be off by less than a pixel.
    const isOut = (start: number, end: number, size: number) => start < -1 || end > size + 1;
    const isTooHigh = height <= innerHeight && isOut(top, bottom, innerHeight);
    if (isOut(left, right, innerWidth) || isTooHigh) wrong.push(`${name} is outside the window`);
    const under = document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight) / 2);
    const isItself = under && (control.contains(under) || under.closest('label')?.control === control);
    if (!isItself) wrong.push(`${name} is covered by ${under?.outerHTML.slice(0, 80)}`);
    // Text fields scroll, and a long title ends with an ellipsis.
    const clips = getComputedStyle(control).textOverflow === 'ellipsis';
    if (control.matches('button') && !clips && control.scrollWidth > control.clientWidth) {
      wrong.push(`${name} is cut off`);
    }
  }
  return wrong;
}

/** Sends the questions to the conversation at this path, faster than by typing, and waits for the answers. */
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
