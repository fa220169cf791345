import { AxeBuilder } from '@axe-core/playwright';
import { type BrowserContext, expect, type Locator, type Page, test as base } from '@playwright/test';

import { realModel, Server, type Settings } from './server.ts';
import { type Script, ScriptedModel } from './scripted-model.ts';

interface Fixtures {
  /** A server of this test's own, with the real model. */
  server: Server;
  /** A server of this test's own, whose model does what the script says. */
  scripted: (script: Script, settings?: Settings) => Promise<Server>;
  /** The page, watched: whatever the browser complains of fails the test. */
  chat: Chat;
}

export const test = base.extend<Fixtures>({
  server: async ({}, use) => {
    const server = await Server.start(realModel());
    await use(server);
    await server.stop();
  },
  scripted: async ({}, use) => {
    const ends: (() => Promise<void>)[] = [];
    await use(async (script, settings) => {
      const model = await ScriptedModel.start(script);
      const server = await Server.start(model.upstream, settings);
      ends.push(async () => {
        await server.stop();
        model.stop();
      });
      return server;
    });
    for (const end of ends) await end();
  },
  chat: async ({ page }, use) => {
    const chat = new Chat(page);
    await use(chat);
    expect(chat.complaints).toEqual([]);
  },
});

export { expect };

/** The page as a person uses it. */
export class Chat {
  /** Of the browser: errors, refused requests, breaches of the page's policy. */
  readonly complaints: string[] = [];
  /** Whether requests are refused as the test wants. */
  expectsRefusals = false;

  constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      // A server that is away is what some tests are about.
      const isAbsence = /ERR_CONNECTION_(REFUSED|RESET)|ERR_SOCKET_NOT_CONNECTED|WebSocket connection|404|ERR_INTERNET_DISCONNECTED/.test(
        message.text(),
      );
      const isRefusal = this.expectsRefusals && /status of (4|5)\d\d/.test(message.text());
      if (message.type() === 'error' && !isAbsence && !isRefusal) {
        this.complaints.push(message.text());
      }
    });
  }

  /** The same browser profile in another tab, or another one's page. */
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

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  /** Chooses from the menu of a conversation in the list. */
  async choose(title: string, choice: string): Promise<void> {
    await this.list.getByRole('button', { name: `Options of ${title}` }).click();
    await this.page.getByRole('menuitem', { name: choice }).click();
  }

  /** Says something and waits for the whole answer. */
  async ask(text: string): Promise<string> {
    const count = await this.answers.count();
    await this.say(text);
    await expect(this.answers).toHaveCount(count + 1);
    await this.whole();
    return this.answers.last().innerText();
  }

  async whole(): Promise<void> {
    await expect(this.answers.last()).toHaveAttribute('aria-busy', 'false', { timeout: 45_000 });
  }

  /** Nothing is wider than the window. */
  async expectNothingSticksOut(): Promise<void> {
    const [wide, window] = await this.page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    expect(wide).toBeLessThanOrEqual(window ?? 0);
  }

  /** All that can be pressed or written in lies in the window, or can be scrolled there, under nothing. */
  async expectAllInReach(): Promise<void> {
    expect(await this.page.evaluate(outOfReach)).toEqual([]);
  }

  async expectAccessible(): Promise<void> {
    // What is fading in has not its colours yet.
    await this.page.evaluate(() => {
      const ends = (one: Animation) => one.effect?.getComputedTiming().iterations !== Infinity;
      const ending = document.getAnimations().filter(ends);
      return Promise.allSettled(ending.map((one) => one.finished)).then(() => undefined);
    });
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  }
}

/** What of the page, or of what stands over it, can't be reached with a pointer. */
function outOfReach(): string[] {
  const above = ['.menu:popover-open', 'dialog[open]', '.sidebar-open #sidebar'];
  const top = above.map((one) => document.querySelector(one)).find((one) => one?.checkVisibility());
  const controls = (top ?? document).querySelectorAll<HTMLElement>(
    'button, a[href], input:not([type=file]), textarea, select, summary',
  );
  const wrong: string[] = [];
  for (const control of controls) {
    if (!control.checkVisibility({ visibilityProperty: true }) || control.matches('.skip')) continue;
    control.scrollIntoView({ block: 'nearest' });
    const { left, right, top, bottom, width, height } = control.getBoundingClientRect();
    const said = control.getAttribute('aria-label') ?? control.textContent?.trim() ?? '';
    const name = `${control.localName} “${said.slice(0, 40)}”`;
    // Less than a pixel is how far it could be scrolled.
    const isOut = (begin: number, end: number, room: number) => begin < -1 || end > room + 1;
    const isTooHigh = height <= innerHeight && isOut(top, bottom, innerHeight);
    if (isOut(left, right, innerWidth) || isTooHigh) wrong.push(`${name} sticks out of the window`);
    const under = document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight) / 2);
    const isItself = under && (control.contains(under) || under.closest('label')?.control === control);
    if (!isItself) wrong.push(`${name} lies under ${under?.outerHTML.slice(0, 80)}`);
    // Text fields scroll, and a title that is too long says so by its end.
    const clips = getComputedStyle(control).textOverflow === 'ellipsis';
    if (control.matches('button') && !clips && control.scrollWidth > control.clientWidth) {
      wrong.push(`${name} is cut off`);
    }
  }
  return wrong;
}

/** Asks all this in the conversation of this path, faster than by typing, and waits for the answers. */
export async function askAll(page: Page, path: string, questions: string[]): Promise<void> {
  const asked = { conversation_id: path.split('/').at(-1), questions };
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
        const { event, data: told } = JSON.parse(data);
        if (event === 'token_usage') next();
        else if (told.code === 'rate_limited') setTimeout(ask, told.retry_after_ms);
        else if (event === 'error') reject(new Error(told.message));
      });
    });
    socket.close();
  }, asked);
}
