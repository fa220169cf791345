import type { Locator } from '@playwright/test';

/** A text file to choose in a file field. */
export function textFile(name: string, content = 'Waves come and go.') {
  return { name, mimeType: 'text/plain', buffer: Buffer.from(content) };
}

/** Pastes files into the target or drops them on it. Unlike an upload by Playwright, this keeps any name. */
export async function pasteOrDrop(target: Locator, event: 'paste' | 'drop', names: string[]): Promise<void> {
  await target.evaluate(
    (element, { event, names }) => {
      const data = new DataTransfer();
      for (const name of names) data.items.add(new File(['Waves come and go.'], name));
      const init = { bubbles: true, cancelable: true };
      element.dispatchEvent(
        event === 'paste'
          ? new ClipboardEvent('paste', { ...init, clipboardData: data })
          : new DragEvent('drop', { ...init, dataTransfer: data }),
      );
    },
    { event, names },
  );
}
