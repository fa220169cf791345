import { pasteOrDrop, textFile } from '../../support/files.ts';
import { expect, test } from '../../support/fixtures.ts';

test('an analysed file becomes two messages in every tab', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('It is about waves.'));
  await chat.open(server);
  await chat.ask('before');
  const tab = await chat.openTab(server, chat.path);
  await expect(tab.answers).toHaveCount(1);

  await chat.fileInput.setInputFiles(textFile('sea.txt'));

  for (const { questions, answers, files } of [chat, tab]) {
    await expect(questions.last().getByRole('group', { name: 'File: sea.txt' })).toHaveText(/TXT · 18 bytes/);
    await expect(questions).not.toContainText(['before', 'Please analyse']);
    await expect(answers.last()).toContainText('It is about waves.');
    await expect(files).toHaveCount(0);
  }
});

test('regenerating an analysis analyses the file again', async ({ scripted, chat }) => {
  const analyses = ['It is about waves.', 'It is about the sea.'];
  const server = await scripted(async (_question, write) => write(analyses.shift() ?? ''));
  await chat.open(server);
  await chat.fileInput.setInputFiles(textFile('sea.txt'));
  await expect(chat.answers).toContainText('It is about waves.');

  await chat.answers.getByRole('button', { name: 'Regenerate' }).click();

  await expect(chat.answers).toContainText('It is about the sea.');
  await expect(chat.answers.getByText('2 / 2')).toBeVisible();
  await expect(chat.questions.getByRole('group', { name: 'File: sea.txt' })).toBeVisible();
  await expect(chat.files).toHaveCount(0);
  await chat.answers.getByRole('button', { name: 'Earlier version' }).click();
  await expect(chat.answers).toContainText('It is about waves.');
});

test('editing the question of an analysis analyses the file again', async ({ scripted, chat }) => {
  const asked: string[] = [];
  const answers = ['It is about waves.', 'The waves are 2 m high.', 'They are high.', 'It is about the sea.'];
  const server = await scripted(async (question, write) => {
    asked.push(question);
    write(answers.shift() ?? '');
  });
  const { page, questions } = chat;
  await chat.open(server);
  await chat.fileInput.setInputFiles(textFile('sea.txt'));
  await expect(chat.answers).toContainText('It is about waves.');
  const card = questions.getByRole('group', { name: 'File: sea.txt' });

  await questions.getByRole('button', { name: 'Edit' }).click();
  const editor = questions.getByRole('textbox', { name: 'What should the analysis answer?' });
  await expect(editor).toHaveValue('');
  await expect(questions).toContainText('Leave this empty for a general analysis.');
  await chat.expectAccessible();
  await editor.fill('How high are the waves?');
  await questions.getByRole('button', { name: 'Send' }).click();

  await expect(chat.answers).toContainText('The waves are 2 m high.');
  await expect(card).toBeVisible();
  await expect(questions).toContainText('How high are the waves?');
  await expect(questions).not.toContainText('Please analyse');
  await expect(questions.getByText('2 / 2')).toBeVisible();
  await page.reload();
  await expect(questions).toContainText('How high are the waves?');
  await expect(card).toBeVisible();

  await chat.answers.getByRole('button', { name: 'Regenerate' }).click();
  await expect(chat.answers).toContainText('They are high.');
  await expect(chat.answers.getByText('2 / 2')).toBeVisible();
  await questions.getByRole('button', { name: 'Earlier version' }).click();
  await expect(chat.answers).toContainText('It is about waves.');
  await expect(card).toBeVisible();
  await page.reload();
  await expect(card).toBeVisible();
  await chat.answers.getByRole('button', { name: 'Regenerate' }).click();

  await expect(chat.answers).toContainText('It is about the sea.');
  await expect(chat.answers.getByText('2 / 2')).toBeVisible();
  await expect(questions.getByText('1 / 2')).toBeVisible();
  expect(asked.every((question) => question.includes('Part 1 of 1 of the file "sea.txt"'))).toBe(true);
  await questions.getByRole('button', { name: 'Edit' }).click();
  await expect(editor).toHaveValue('');
});

test('a file whose name the server changes becomes messages, too', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('It is about waves.'));
  await chat.open(server);
  const names = ['می\u200cخواهم.txt', '👨\u200d👩\u200d👧.txt', `${'x'.repeat(150)}.txt`, 'tab\tspace .txt '];

  for (const [index, name] of names.entries()) {
    await pasteOrDrop(chat.field, 'paste', [name]);
    await expect(chat.answers).toHaveCount(index + 1);
    await expect(chat.files).toHaveCount(0);
  }
});

test('a file can start a conversation', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('It is about waves.'));
  await chat.open(server);

  await chat.fileInput.setInputFiles(textFile('sea.txt'));

  await expect(chat.questions).toHaveText([/sea\.txt/]);
  await expect(chat.answers).toHaveText([/It is about waves\./]);
  await chat.page.reload();
  await expect(chat.questions).toHaveText([/sea\.txt/]);
});

test('the accepted kinds and the size are shown before a file is chosen', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('unused'), {
    ALLOWED_EXTENSIONS: 'txt,csv',
    MAX_FILE_SIZE_MB: '0.001',
  });
  const { page } = chat;
  const input = chat.fileInput;
  await chat.open(server);

  await expect(input).toHaveAttribute('accept', '.txt,.csv');
  await page.getByRole('button', { name: 'Attach files' }).hover();
  await expect(page.locator('.tooltip')).toHaveText('Attach files: TXT and CSV files, up to 1 KB');
  await input.setInputFiles(textFile('sea.txt', 'Waves. '.repeat(300)));
  await expect(page.getByRole('alert')).toContainText('“sea.txt” is too large (2.1 KB). A file can have up to 1 KB.');
  await input.setInputFiles(textFile('sea.md', 'Waves.'));
  await expect(page.getByRole('alert')).toContainText('“sea.md” can’t be attached. Accepted are TXT and CSV files.');
  await expect(page.getByRole('button', { name: 'Try again' })).toHaveCount(0);
  await chat.expectAccessible();
});

test('a file shows its progress and can be cancelled', async ({ scripted, chat }) => {
  let isFirst = true;
  const server = await scripted(
    async (_question, write) => {
      write('About waves.');
      if (!isFirst) await new Promise(() => {});
      isFirst = false;
    },
    { CHUNK_SIZE_TOKENS: '500', FILE_CONCURRENCY: '1' },
  );
  await chat.open(server);
  const waves = 'Waves come and go. '.repeat(300);
  await chat.fileInput.setInputFiles(textFile('sea.txt', waves));

  await expect(chat.files).toContainText(/Reading… 1 of \d+/);
  await chat.page.reload();
  await expect(chat.files).toContainText(/Reading… 1 of \d+/);
  await chat.expectAccessible();
  await expect(chat.list.getByRole('link', { name: 'sea.txt' })).toBeVisible();
  await chat.page.getByRole('button', { name: 'Cancel: sea.txt' }).click();

  await expect(chat.files).toHaveCount(0);
  await expect(chat.list.getByRole('link'), 'an empty chat is listed').toHaveCount(0);
  await chat.page.reload();
  await expect(chat.field).toBeVisible();
  await expect(chat.files).toHaveCount(0);
});

test('a failed file shows the reason, also after a reload, and can be retried', async ({
  scripted,
  chat,
}) => {
  test.setTimeout(120_000);
  let fails = true;
  const server = await scripted(async (_question, write) => {
    if (fails) throw new Error('scripted failure');
    write('It is about waves.');
  });
  await chat.open(server);
  await chat.fileInput.setInputFiles(textFile('sea.txt'));
  const failure = chat.page.getByRole('alert').filter({ hasText: 'The model' });

  await expect(failure).toBeVisible({ timeout: 60_000 });
  await chat.page.reload();
  await expect(failure).toBeVisible();
  await chat.expectAccessible();
  fails = false;
  await chat.page.getByRole('button', { name: 'Try again: sea.txt' }).click();

  await expect(chat.answers).toHaveText([/It is about waves\./]);
  await expect(chat.files).toHaveCount(0);
});
