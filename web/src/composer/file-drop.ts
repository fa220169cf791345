import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** The files of a drop or a paste, and the number of folders, which can't be uploaded. */
export interface FileTransfer {
  files: File[];
  folders: number;
}

export function filesIn(transfer: DataTransfer | null): FileTransfer {
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

/** Accepts files dropped anywhere on the page, which the browser would otherwise open. */
export class FileDrop implements ReactiveController {
  /** Files are dragged over the page. */
  isDraggedOver = false;
  #depth = 0;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly ondrop: (transfer: FileTransfer) => void,
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
    if (hasFiles(event)) this.#setDepth(this.#depth + 1);
  };

  readonly #over = (event: DragEvent): void => {
    if (hasFiles(event)) event.preventDefault();
  };

  readonly #leave = (event: DragEvent): void => {
    if (hasFiles(event)) this.#setDepth(this.#depth - 1);
  };

  readonly #drop = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#setDepth(0);
    this.ondrop(filesIn(event.dataTransfer));
  };

  /** Every element fires enter and leave: files are over the page until all have been left. */
  #setDepth(depth: number): void {
    this.#depth = Math.max(0, depth);
    if (this.isDraggedOver === this.#depth > 0) return;
    this.isDraggedOver = this.#depth > 0;
    this.host.requestUpdate();
  }
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') === true;
}
