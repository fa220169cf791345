import type { Chat } from './support/chat.ts';
import { expect, test } from './support/fixtures.ts';
import { ANSWER, earlierConversations, QUESTION } from './support/screenshot-texts.ts';

const DESKTOP = { width: 1280, height: 880 };
const PHONE = { width: 390, height: 844 };

test.use({ viewport: DESKTOP, deviceScaleFactor: 1.5 });

function file(name: string): string {
  return new URL(`../../docs/screenshots/${name}.png`, import.meta.url).pathname;
}

async function take(chat: Chat, name: string, scale: 'css' | 'device' = 'device'): Promise<void> {
  await chat.page.evaluate(() => document.fonts.ready);
  await chat.page.screenshot({ path: file(name), animations: 'disabled', caret: 'hide', scale });
}

test('takes the README’s screenshots', async ({ scripted, chat }) => {
  test.setTimeout(120_000);
  const { page } = chat;
  const server = await scripted(async (_question, write) => write(ANSWER), { MODEL: 'gpt-4o' });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await chat.open(server);
  await page.request.post(`${server.url}/api/v1/imports`, { data: earlierConversations(new Date()) });
  await expect(chat.list.getByRole('link', { name: 'Birthday poem for Ida' })).toBeVisible();
  await chat.ask(QUESTION);
  const { path } = chat;
  const conversation = `${server.url}/api/v1${path.replace('/c/', '/conversations/')}`;
  await page.request.patch(conversation, { data: { title: 'Distance to the horizon' } });
  await expect(chat.list.getByRole('link', { name: 'Distance to the horizon' })).toBeVisible();
  await expect(chat.answers.locator('math').first()).toBeVisible();
  await expect(chat.answers.locator('.hljs-keyword').first()).toBeVisible();

  await page.mouse.move(0, 0);
  await take(chat, 'light');
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await take(chat, 'dark');

  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.request.patch(`${conversation}/context`, {
    data: { system_prompt: 'Answer briefly. Use SI units, and show how you calculate.', parameters: { temperature: 0.4 } },
  });
  await chat.settingsButton.click();
  await expect(chat.settings.locator('textarea').first()).toHaveValue(/SI units/);
  // The README shows it in half of its width.
  await take(chat, 'chat-settings', 'css');
  await page.keyboard.press('Escape');

  await page.setViewportSize(PHONE);
  await chat.open(server, path);
  await expect(chat.answers.locator('.hljs-keyword').first()).toBeAttached();
  await take(chat, 'phone');
});
