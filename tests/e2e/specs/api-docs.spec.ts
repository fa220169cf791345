import { expect, test } from '../support/fixtures.ts';

test('the API page shows and sends requests', async ({ scripted, page }) => {
  const server = await scripted(async (_question, write) => write('Twice.'));
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });

  await page.goto(`${server.url}/api/docs`);
  const open = (id: string) => page.locator(`#${id}`);
  await open('start_conversation').locator('summary').click();
  await open('start_conversation').getByRole('button', { name: 'Try it' }).click();
  const started = open('start_conversation').locator('output');
  await expect(started).toContainText('201 application/json');
  const id = /"conversation_id":"([^"]+)"/u.exec((await started.textContent()) ?? '')?.[1] ?? '';

  const send = open('send_message');
  await send.locator('summary').click();
  await send.locator('[name=id]').fill(id);
  await send.getByRole('button', { name: 'Try it' }).click();
  await expect(send.locator('output')).toContainText('"content":"Twice."');
  await send.getByRole('checkbox').check();
  await send.getByRole('button', { name: 'Try it' }).click();
  await expect(send.locator('output')).toContainText('event: token_usage');

  expect(errors).toEqual([]);
});
