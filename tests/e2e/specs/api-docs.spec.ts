import { expect, test } from '../support/fixtures.ts';

test('the API page sends requests and shows the responses', async ({ scripted, page }) => {
  const server = await scripted(async (_question, write) => write('Twice.'));
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });

  await page.goto(`${server.url}/api/docs`);
  const operation = (id: string) => page.locator(`#${id}`);
  await operation('start_conversation').locator('summary').click();
  await operation('start_conversation').getByRole('button', { name: 'Try it' }).click();
  const startOutput = operation('start_conversation').locator('output');
  await expect(startOutput).toContainText('201 application/json');
  const id = /"conversation_id":"([^"]+)"/u.exec((await startOutput.textContent()) ?? '')?.[1] ?? '';

  const send = operation('send_message');
  await send.locator('summary').click();
  await send.locator('[name=id]').fill(id);
  await send.getByRole('button', { name: 'Try it' }).click();
  await expect(send.locator('output')).toContainText('"content":"Twice."');
  await send.getByRole('checkbox').check();
  await send.getByRole('button', { name: 'Try it' }).click();
  await expect(send.locator('output')).toContainText('event: token_usage');

  expect(errors).toEqual([]);
});
