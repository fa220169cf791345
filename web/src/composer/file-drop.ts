import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** What was dropped or pasted: files, and how many folders, which can't be sent. */
export interface Dropped {
  files: File[];
  folders: number;
}

export function filesIn(transfer: DataTransfer | null): Dropped {
  const items = [...(transfer?.items ?? [])].filter(({ kind }) => kind === 'file');
  const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile());
  return {
    files: files.filter((file) => file !== null),
    folders: items.filter(isFolder).length,
  };
}

function isFolder(item: DataTransferItem): boolean {
  return item.webkitGetAsEntry()?.isDirectory === true;
}

/** Takes files that are dropped anywhere on the page, which the browser would else open. */
export class FileDrop implements ReactiveController {
  /** Files are held over the page. */
  isOver = false;
  #enterings = 0;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly ondropped: (dropped: Dropped) => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener('dragenter', this.#enter);
    addEventListener('dragover', this.#over);
    addEventListener('dragleave', this.#leave);
    addEventListener('drop', this.#drop);
  }

  hostDisconnected(): void {
    removeEventListener('dragenter', this.#enter);
    removeEventListener('dragover', this.#over);
    removeEventListener('dragleave', this.#leave);
    removeEventListener('drop', this.#drop);
  }

  readonly #enter = (event: DragEvent): void => {
    if (hasFiles(event)) this.#count(this.#enterings + 1);
  };

  readonly #over = (event: DragEvent): void => {
    if (hasFiles(event)) event.preventDefault();
  };

  readonly #leave = (event: DragEvent): void => {
    if (hasFiles(event)) this.#count(this.#enterings - 1);
  };

  readonly #drop = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#count(0);
    this.ondropped(filesIn(event.dataTransfer));
  };

  /** Each element that is entered is left again: files are over the page until all are left. */
  #count(enterings: number): void {
    this.#enterings = Math.max(0, enterings);
    if (this.isOver === this.#enterings > 0) return;
    this.isOver = this.#enterings > 0;
    this.host.requestUpdate();
  }
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') === true;
}
